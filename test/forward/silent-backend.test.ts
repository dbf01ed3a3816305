// Regression: a backend that stalled in its response was reported as a client that had left, if the client's limit passed at the same time.
import t from 'tap'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'

t.test('a backend that stalls in its response is a body timeout, whatever the client timeout', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart'))
  const running = await gatewayFor(t, { level: 'info', routes: [{ upstream: backend.url, undiciOptions: { bodyTimeout: 120 } }] })
  const rejected: string[] = []
  running.gateway.observe({ rejected: (_target, code) => { rejected.push(code) } })
  const client = await clientFor(t, running)
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.ended
  t.strictSame(rejected, ['HOLDFAST_ERR_BODY_TIMEOUT'])
})

t.test('a client that does not read is cut at the client timeout, also with a response behind another', async t => {
  const body = Buffer.alloc(8_000_000)
  const backend = await backendFor(t, (_request, connection) => connection.reply({ body }))
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, undiciOptions: { bodyTimeout: 150 } }] })
  for (const requests of [1, 2]) {
    const client = await clientFor(t, running)
    client.socket.pause()
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(requests))
    await backend.waitFor(({ requests }) => requests > 0)
    await until(() => running.target.snapshot().connections.active === 0)
    client.destroy()
  }
})
