import type { AddressInfo } from 'node:net'
import { pathToFileURL } from 'node:url'
import Fastify from 'fastify'
import type * as Holdfast from '../../../src/index.js'
import { BACKLOG, POOL, ready, setup } from './serve.js'

// Defaults, and metrics. The queue has no limit, since the others' have none.

const { gateway, proxy } = await import(pathToFileURL(setup.entry ?? '').href) as typeof Holdfast
const app = Fastify({ logger: setup.log === undefined ? false : { level: 'info', file: setup.log } })
await app.register(gateway, {
  metrics: { path: '/metrics' },
  undiciOptions: setup.ca === undefined ? POOL : { ...POOL, connect: { ca: setup.ca } },
  pool: { maxPending: Infinity }
})
for (const { prefix, upstream } of setup.routes) await app.register(proxy, { prefix, upstream })
await app.listen({ host: '127.0.0.1', port: 0, backlog: BACKLOG })
ready(app.server.address() as AddressInfo)
