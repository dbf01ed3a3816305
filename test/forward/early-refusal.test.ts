// Regression: a backend refused an upload before it had read it, and sent the answer in two pieces. The gateway cut it off after the first
// piece, and the client got nothing.
import t from 'tap'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'

for (const connection of ['', 'Connection: close\r\n']) {
  const said = connection === '' ? 'says nothing of its connection' : 'says close'
  t.test(`a refusal that comes in pieces while its upload streams is relayed whole, where it ${said}`, async t => {
    const backend = await backendFor(t, {
      onHead: (_head, to) => to.write(`HTTP/1.1 403 Forbidden\r\n${connection}Content-Length: 10\r\n\r\nfirst`),
      onRequest: () => {}
    })
    const client = await clientFor(t, await gatewayFor(t, { routes: [{ upstream: backend.url }] }))
    client.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(200_000)}`)
    await until(() => client.unread.includes('first'))
    client.write('y'.repeat(1_000))
    backend.connections[0]!.write('piece')
    const { status, body } = await client.response()
    t.equal(status, 403)
    t.equal(String(body), 'firstpiece')
  })
}

t.test('an early answer that says close and never ends is cut, even if its upload is no longer read', async t => {
  const backend = await backendFor(t, {
    onHead: (_head, to) => to.write('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 10\r\n\r\nfirst'),
    onRequest: () => {}
  })
  const client = await clientFor(t, await gatewayFor(t, { routes: [{ upstream: backend.url }], gateway: { clientBodyTimeout: 200 } }))
  client.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(200_000)}`)
  t.equal(await client.ended, 'rst')
})
