import dns from 'node:dns'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { gateway, getGateway, proxy } from '../../src/index.js'
import type { DrainOptions } from '../../src/index.js'
import { rawClient } from '../../testing/client.js'
import type { RawClient } from '../../testing/client.js'
import type { Backend, BackendScript } from '../../testing/backend.js'
import { backendFor, captureLog, until } from '../../testing/gateway.js'
import type { LogLine } from '../../testing/gateway.js'

/** An app on localhost, and a client of the second of Fastify's two servers. */
async function setup (t: Test, script: BackendScript, drain: DrainOptions): Promise<{ backend: Backend, client: RawClient, log: LogLine[], app: FastifyInstance, drain: () => Promise<void> }> {
  const { lookup } = dns
  t.teardown(() => { dns.lookup = lookup })
  // On some machines localhost has one address only.
  const two = (name: string, options: object, callback: (error: null, addresses: dns.LookupAddress[]) => void): void => {
    if (name === 'localhost' && 'all' in options && options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }, { address: '127.0.0.2', family: 4 }])
    else Reflect.apply(lookup, dns, [name, options, callback])
  }
  dns.lookup = two as typeof dns.lookup
  const backend = await backendFor(t, script)
  const { stream, lines: log } = captureLog()
  const app = Fastify({ logger: { level: 'warn', stream } })
  t.teardown(() => app.close())
  await app.register(gateway, { drain, pressure: false })
  await app.register(proxy, { upstream: backend.url })
  await app.listen({ port: 0, host: 'localhost' })
  const client = await rawClient((app.server.address() as AddressInfo).port, '127.0.0.2')
  t.teardown(() => client.destroy())
  return { backend, client, log, app, drain: async () => { await getGateway(app).drain() } }
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

t.test('the app is closed once the clients of its second server have their answers', async t => {
  let answer = (): void => {}
  const { backend, client, log, app, drain } = await setup(t, (_request, connection) => { answer = () => connection.reply({ body: 'x' }) }, { deadline: 30_000 })
  client.write(GET)
  await backend.waitFor(({ requests }) => requests === 1)
  let drained = false
  const draining = drain().then(() => { drained = true })
  await until(() => !app.server.listening)
  // Longer than a close needs that waits for nothing.
  await new Promise(resolve => setTimeout(resolve, 100))
  t.equal(drained, false)
  answer()
  const response = await client.response()
  t.strictSame([response.body.toString(), response.header('connection')], ['x', 'close'])
  await draining
  t.strictSame(log, [])
})

t.test('idle clients of the second server end at once', async t => {
  const { client, log, drain } = await setup(t, (_request, connection) => connection.reply({ body: 'x' }), { deadline: 30_000 })
  client.write(GET)
  await client.response()
  const ended = once(client.socket, 'close')
  await drain()
  await ended
  t.strictSame(log, [])
})

t.test('at the deadline clients of the second server are cut and counted', async t => {
  const { backend, client, log, drain } = await setup(t, () => {}, { deadline: 100 })
  client.write(GET)
  await backend.waitFor(({ requests }) => requests === 1)
  await drain()
  await client.ended
  t.match(log.filter(({ msg }) => /deadline/.test(msg ?? '')), [{ connections: 1, deadline: 100 }])
})
