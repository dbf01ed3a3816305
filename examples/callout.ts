/**
 * A mid-flow callout, as Apigee's ServiceCallout: before a request goes on, an auth backend is asked over a managed pool of
 * its own, so that the question costs no handshake.
 */
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { gateway, getGateway, proxy } from 'holdfast'

/** Builds the app; the upstreams are given so that it runs anywhere. */
export async function callout (upstreams: { auth: string, users: string }): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: 'warn' } })
  await app.register(gateway)
  // A target without a route: nothing from outside reaches it.
  await app.register(proxy, { upstream: upstreams.auth, target: 'auth', routes: [] })

  const auth = getGateway(app).targets.get('auth')!
  await app.register(proxy, {
    prefix: '/users',
    upstream: upstreams.users,
    preHandler: async (request: FastifyRequest, reply: FastifyReply) => {
      const answer = await auth.request({ path: '/check', method: 'GET', headers: { authorization: request.headers.authorization ?? '' } })
      const { user } = await answer.body.json() as { user?: string }
      if (answer.statusCode !== 200 || user === undefined) return reply.code(401).send({ error: 'not signed in' })
      request.headers['x-user'] = user
    },
    replyOptions: {
      rewriteRequestHeaders: (request, headers) => ({ ...headers, 'x-user': request.headers['x-user'] })
    }
  })
  return app
}
