/** An app with two targets, each with its own keep-alive settings. */
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { gateway, proxy } from 'holdfast'

/** Builds the app; the upstreams are given so that it runs anywhere. */
export async function twoTargets (upstreams: { users: string, orders: string }): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: 'warn' } })
  await app.register(gateway, { undiciOptions: { keepAliveTimeout: 60_000 }, health: true })
  await app.register(proxy, {
    prefix: '/users',
    upstream: upstreams.users,
    undiciOptions: { connections: 64, keepAliveTimeout: 30_000 }
  })
  // This backend hangs up after 5 s without saying so: 4 s stays clear of it.
  await app.register(proxy, {
    prefix: '/orders',
    upstream: upstreams.orders,
    undiciOptions: { keepAliveTimeout: 4_000 },
    pool: { maxRequestsPerConnection: 1_000 }
  })
  return app
}
