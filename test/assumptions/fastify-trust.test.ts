// What src/quirks/fastify-trust.ts relies on of Fastify, asked of Fastify alone.
import Fastify from 'fastify'
import type { FastifyRequest, FastifyServerOptions } from 'fastify'
import t from 'tap'

type TrustProxy = FastifyServerOptions['trustProxy']
const HEADERS = { 'x-forwarded-for': '192.0.2.1' }

/** What `ips` makes of an X-Forwarded-For that the request itself did not have. */
async function ipsOf (trustProxy: TrustProxy, peer: string): Promise<{ has: boolean, ips: unknown }> {
  const app = Fastify({ trustProxy: trustProxy! })
  app.get('/', (request: FastifyRequest) => {
    const other = { raw: { socket: request.raw.socket, headers: HEADERS } }
    return { has: 'ips' in request, ips: Reflect.get(request, 'ips', other) }
  })
  const answer = await app.inject({ url: '/', remoteAddress: peer })
  await app.close()
  return answer.json()
}

t.test('ips is trimmed at the first address that is not trusted, and can be asked of a request that has its own headers', async t => {
  t.strictSame(await ipsOf(true, '10.0.0.1'), { has: true, ips: ['10.0.0.1', '192.0.2.1'] })
  t.strictSame(await ipsOf('10.0.0.0/8', '10.0.0.1'), { has: true, ips: ['10.0.0.1', '192.0.2.1'] })
  t.strictSame(await ipsOf('10.0.0.0/8', '11.0.0.1'), { has: true, ips: ['11.0.0.1'] })
  t.strictSame(await ipsOf(['11.0.0.1'], '11.0.0.1'), { has: true, ips: ['11.0.0.1', '192.0.2.1'] })
})

t.test('a request of an app that trusts no peer has no ips', async t => {
  t.equal((await ipsOf(false, '10.0.0.1')).has, false)
})

t.test('an app keeps trustProxy as it was given', async t => {
  for (const trustProxy of [true, false, '10.0.0.0/8', ['10.0.0.1']] as const) {
    const app = Fastify({ trustProxy: trustProxy as never })
    t.teardown(() => app.close())
    const key = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.options')
    t.strictSame((Reflect.get(app, key!) as { trustProxy?: unknown }).trustProxy, trustProxy)
  }
})
