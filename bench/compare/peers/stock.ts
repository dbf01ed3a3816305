import type { AddressInfo } from 'node:net'
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import { BACKLOG, POOL, ready, setup } from './serve.js'

const app = Fastify({ logger: setup.log === undefined ? false : { level: 'info', file: setup.log } })
const undici = setup.ca === undefined ? POOL : { ...POOL, connect: { ca: setup.ca } }
for (const { prefix, upstream } of setup.routes) await app.register(httpProxy, { prefix, upstream, undici })
await app.listen({ host: '127.0.0.1', port: 0, backlog: BACKLOG })
ready(app.server.address() as AddressInfo)
