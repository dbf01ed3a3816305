/** Mutual TLS to a backend: our certificate for it, its issuer's for us. Node's names, under undici's `connect`. */
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { gateway, proxy } from 'holdfast'

export interface Identity { ca: string, cert: string, key: string }

/** Builds the app; the upstream and the certificates are given so that it runs anywhere. */
export async function mutualTls (upstream: string, identity: Identity): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: 'warn' } })
  await app.register(gateway)
  await app.register(proxy, {
    prefix: '/accounts',
    upstream,
    undiciOptions: { connect: { ...identity, servername: 'localhost' } }
  })
  return app
}
