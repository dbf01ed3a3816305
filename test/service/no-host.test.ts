// Node would answer such a request itself, and no listener of it is told: the log had no line.
import t from 'tap'
import { backendFor, clientFor } from '../../testing/gateway.js'
import { linesOf, microservice } from './logged-microservice.js'

t.test('a request without Host is refused on each path, and has its line', async t => {
  let reached = 0
  const backend = await backendFor(t, (_request, connection) => {
    reached++
    connection.reply()
  })
  const proxied = await microservice(t, { upstream: backend.url, level: 'debug' })
  const alone = await microservice(t, { route: 'export default async app => { app.get(\'/own\', () => \'text\') }\n' })
  const cases = [
    [proxied, 'GET', '/?token=x', '/?token=***'], [proxied, 'POST', '/', '/'], [proxied, 'OPTIONS', '*', '*'], [proxied, 'GET', '/health/live', '/health/live'],
    [alone, 'GET', '/own', '/own'], [alone, 'GET', '/nowhere', '/nowhere'], [alone, 'GET', '/%zz', '/%zz'], [alone, 'GET', 'http://a/own', 'http://a/own']
  ] as const
  const seen = new Map([[proxied, 0], [alone, 0]])
  for (const [service, method, path, url] of cases) {
    const client = await clientFor(t, service)
    client.write(`${method} ${path} HTTP/1.1\r\n\r\n`)
    t.equal((await client.response()).status, 400, path)
    const count = seen.get(service)! + 1
    seen.set(service, count)
    t.match((await linesOf(service, count)).at(-1), { method, url, status: 400 }, path)
  }
  t.equal(reached, 0)
})

t.test('an upgrade without Host is refused, and has its line', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply())
  const service = await microservice(t, { upstream: backend.url, variables: { WEBSOCKET: 'true' } })
  const client = await clientFor(t, service)
  client.write('GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
  t.equal((await client.response()).status, 400)
  await client.ended
  t.match((await linesOf(service, 1))[0], { method: 'GET', url: '/chat', status: 400 })
})

t.test('HTTP/1.0 needs no Host', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply())
  const service = await microservice(t, { upstream: backend.url, level: 'debug' })
  for (const path of ['/', '/health/live']) {
    const client = await clientFor(t, service)
    client.write(`GET ${path} HTTP/1.0\r\n\r\n`)
    t.equal((await client.response()).status, 200, path)
  }
})
