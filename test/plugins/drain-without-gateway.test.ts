import Fastify from 'fastify'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { proxy } from '../../src/index.js'
import { backendFor, captureLog, clientFor, until } from '../../testing/gateway.js'

// The default deadline, which no option changes here, and the shorter one that tests use, in ms.
const DEADLINE = 10_000
const SOONER = 100

t.test('without the gateway plugin an open event stream ends at the default deadline, and holds app.close() no longer', async t => {
  const { setTimeout: wait } = globalThis
  t.teardown(() => { globalThis.setTimeout = wait })
  globalThis.setTimeout = ((done: () => void, ms: number, ...given: []) => wait(done, ms === DEADLINE ? SOONER : ms, ...given)) as typeof setTimeout
  const backend = await backendFor(t, (_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n')
  })
  const { stream, lines } = captureLog()
  const app = Fastify({ logger: { stream } })
  t.teardown(() => app.close())
  for (const prefix of ['/a', '/b']) await app.register(proxy, { prefix, upstream: backend.url })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const clients = [await clientFor(t, { port }), await clientFor(t, { port })]
  clients.forEach((client, i) => client.write(`GET /${'ab'[i]}/events HTTP/1.1\r\nHost: a\r\n\r\n`))
  await backend.waitFor(({ requests }) => requests === 2)
  await app.close()
  await Promise.all(clients.map(({ ended }) => ended))
  await backend.waitFor(({ open }) => open === 0)
  t.match(lines.filter(({ msg }) => /drain deadline reached/.test(msg ?? '')), [{ connections: 2, deadline: DEADLINE }], 'said once')
})

t.test('without the gateway plugin requests in flight finish, say close, and their connections end', async t => {
  const release: (() => void)[] = []
  const backend = await backendFor(t, (_request, connection) => { release.push(() => connection.reply({ body: 'done' })) })
  const app = Fastify()
  t.teardown(() => app.close())
  for (const prefix of ['/a', '/b']) await app.register(proxy, { prefix, upstream: backend.url })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const clients = [await clientFor(t, { port }), await clientFor(t, { port })]
  clients.forEach((client, i) => client.write(`GET /${'ab'[i]} HTTP/1.1\r\nHost: a\r\n\r\n`))
  await backend.waitFor(({ requests }) => requests === 2)
  const closed = app.close()
  await until(() => !app.server.listening)
  for (const answer of release) answer()
  for (const client of clients) {
    const response = await client.response()
    t.strictSame([response.status, response.body.toString(), response.header('connection')], [200, 'done', 'close'])
    t.equal(await client.ended, 'fin')
  }
  await closed
})
