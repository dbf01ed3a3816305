import t from 'tap'
import type { FastifyInstance } from 'fastify'
import { callout } from '../examples/callout.js'
import { mutualTls } from '../examples/mtls.js'
import { twoTargets } from '../examples/two-targets.js'
import { startBackend } from '../testing/backend.js'
import { persistent } from '../testing/behaviours.js'
import { certificates } from '../testing/certificates.js'
import { request } from '../testing/client.js'

async function listen (t: Tap, app: FastifyInstance): Promise<string> {
  t.teardown(() => app.close())
  return app.listen({ port: 0, host: '127.0.0.1' })
}
type Tap = { teardown (fn: () => unknown): void }

t.test('two targets keep separate connections', async t => {
  const users = await startBackend(persistent())
  const orders = await startBackend(persistent())
  t.teardown(() => Promise.all([users.close(), orders.close()]))
  const app = await twoTargets({ users: users.url, orders: orders.url })
  const url = await listen(t, app)
  for (let i = 0; i < 3; i++) {
    t.equal((await request(`${url}/users/1`)).status, 200)
    t.equal((await request(`${url}/orders/1`)).status, 200)
  }
  t.equal(users.accepted, 1, 'three clients, one connection')
  t.equal(orders.accepted, 1)
  t.equal(app.gateway!.targets.get(orders.url)!.snapshot().limits.undiciOptions.keepAliveTimeout, 4_000)
})

t.test('a callout asks the auth backend over one connection, and admits only authorized clients', async t => {
  const auth = await startBackend((request, connection) => {
    const known = request.header('authorization') === 'Bearer let-me-in'
    connection.reply({ status: known ? 200 : 401, headers: { 'content-type': 'application/json' }, body: known ? '{"user":"ada"}' : '{}' })
  })
  const users = await startBackend((request, connection) => {
    connection.reply({ body: request.header('x-user') ?? 'nobody' })
  })
  t.teardown(() => Promise.all([auth.close(), users.close()]))
  const url = await listen(t, await callout({ auth: auth.url, users: users.url }))
  const headers = { authorization: 'Bearer let-me-in' }
  for (let i = 0; i < 3; i++) t.equal((await request(`${url}/users/me`, { headers })).body.toString(), 'ada')
  t.equal((await request(`${url}/users/me`, { headers: { 'x-user': 'root' } })).status, 401, 'no one gets in by saying who he is')
  t.equal((await request(`${url}/check`, { headers })).status, 404, 'the auth backend is not routed to')
  t.equal(auth.accepted, 1)
  t.equal(users.requests, 3)
})

t.test('mutual TLS presents our certificate and verifies theirs', async t => {
  const { ca, server, client } = certificates()
  const backend = await startBackend(persistent(), { tls: { ...server, requestCert: true, ca } })
  t.teardown(() => backend.close())
  const trusting = await listen(t, await mutualTls(backend.url, { ca, ...client }))
  t.equal((await request(`${trusting}/accounts`)).status, 200)
  t.equal((await request(`${trusting}/accounts`)).status, 200)
  t.equal(backend.accepted, 1)
})
