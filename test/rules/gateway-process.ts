import { setTimeout as wait } from 'node:timers/promises'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import httpProxy from '@fastify/http-proxy'
import type { FastifyHttpProxyOptions } from '@fastify/http-proxy'
import { gateway, getGateway, proxy } from '../../src/index.js'
import type { Target } from '../../src/index.js'
import type { Question, Setup, State } from './gateway-child.js'

// The child process: an app with a gateway for each case, with a route to the case's backend and a route to the canary.

interface Running { app: FastifyInstance, target: Target | undefined, drained?: Promise<void> }

const apps = new Map<number, Running>()

process.on('message', ({ id, question }: { id: number, question: Question }) => {
  answerTo(question).then(
    answer => process.send?.({ id, answer }),
    (error: unknown) => process.send?.({ id, error: String(error) })
  )
})
process.once('disconnect', () => process.exit())
process.send?.({ ready: true })

async function answerTo (question: Question): Promise<unknown> {
  if (question.ask === 'open') return await open(question.setup)
  const running = apps.get(question.app)
  if (running === undefined) throw new Error(`no app ${question.app}`)
  switch (question.ask) {
    case 'state': return await stateOf(running)
    case 'drain':
      running.drained = getGateway(running.app).drain()
      return undefined
    case 'close':
      apps.delete(question.app)
      await running.app.close()
  }
}

async function open (setup: Setup): Promise<{ port: number }> {
  const app = serverOf(setup)
  const running: Running = { app, target: undefined }
  if (setup.stock) await registerStock(app, setup)
  else running.target = await registerHoldfast(app, setup)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const address = app.server.address()
  if (typeof address !== 'object' || address === null) throw new Error('not listening')
  apps.set(address.port, running)
  return { port: address.port }
}

function serverOf ({ fastify, http2, hooksTake }: Setup): FastifyInstance {
  const app = http2 === true
    ? Fastify({ ...fastify, logger: false, http2: true } as object) as unknown as FastifyInstance
    : Fastify({ ...fastify, logger: false, http: { connectionsCheckingInterval: 100 } })
  if (hooksTake === undefined) return app
  app.addHook('preHandler', async () => { await wait(Math.random() * hooksTake) })
  app.addHook('onSend', async (_request, _reply, payload) => {
    await wait(Math.random() * hooksTake)
    return payload
  })
  return app
}

async function registerHoldfast (app: FastifyInstance, setup: Setup): Promise<Target | undefined> {
  await app.register(gateway, { drain: { deadline: 1_000 }, pressure: false, ...setup.gateway })
  await app.register(proxy, { prefix: '/canary', upstream: setup.canary })
  await app.register(proxy, { ...setup.route, upstream: setup.upstream })
  for (const target of getGateway(app).targets) if (target.origin === setup.upstream) return target
  return undefined
}

/** The stock proxy, with those of the options that it has. */
async function registerStock (app: FastifyInstance, { canary, upstream, gateway: given = {}, route = {} }: Setup): Promise<void> {
  const undiciOptions = { ...given.undiciOptions, ...route.undiciOptions }
  const { prefix, rewritePrefix, websocket } = route
  await app.register(httpProxy, { prefix: '/canary', upstream: canary })
  await app.register(httpProxy, { prefix, rewritePrefix, websocket, upstream, undici: undiciOptions } as unknown as FastifyHttpProxyOptions)
}

async function stateOf ({ app, target }: Running): Promise<State> {
  const clients = await new Promise<number>(resolve => app.server.getConnections((_error, count) => resolve(count ?? 0)))
  const snapshot = target?.snapshot()
  return { clients, connections: snapshot?.connections, sentinels: snapshot?.sentinel === undefined ? 0 : 1 }
}
