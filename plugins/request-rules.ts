import type { Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { admit } from '../src/admit/admission.js'
import { listenTo, listenToOthers } from '../src/admit/server-events.js'

const NAME = 'holdfast-request-rules'

/**
 * Registers the rules that requests are admitted by, step 1, for every route of a scope and for requests that have no route there. A scope
 * inside one that has them already needs no others.
 */
export async function registerRequestRules (app: FastifyInstance): Promise<void> {
  if (!app.hasPlugin(NAME)) await app.register(requestRules)
}

const requestRules = fp(async app => {
  const server = app.server as Server
  listenTo(server)
  app.addHook('onListen', done => {
    listenToOthers(app, server)
    done()
  })
  app.addHook('onRequest', (request, reply, done) => { admit(server, request, reply, done) })
}, { name: NAME, fastify: '5.x' })
