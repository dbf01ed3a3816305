import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { request as send } from '../../testing/client.js'
import { clientFor, targetFor } from '../../testing/gateway.js'

// Regression: a server passed its request on as the body of another request. When the backend answered early, the client's socket was
// ended.
t.test('an early answer reaches the client whose request was the body', async t => {
  const { backend, target } = await targetFor(t, {
    onHead: (_head, connection) => connection.reply({ status: 413, headers: { Connection: 'close' }, body: 'too much' }),
    onRequest: () => {}
  })
  const server = createServer((request, response) => {
    target.request({ path: '/', method: 'POST', body: request, headers: { 'content-length': request.headers['content-length'] } }).then(async ({ statusCode, body }) => {
      response.writeHead(statusCode, { connection: 'close' }).end(await body.text())
    }, error => response.writeHead(502).end(String(error)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const client = await clientFor(t, server.address() as AddressInfo)
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome of it')
  const { status, body } = await client.response()
  t.equal(status, 413)
  t.equal(body.toString(), 'too much')
  t.match(target.snapshot(), { connections: { active: 0 }, totals: { closed: { early_response: 1 } } })
  await backend.waitFor(({ open }) => open === 0)
})

t.test('a request message that was sent whole keeps its socket', async t => {
  const { target } = await targetFor(t, ({ body }, connection) => connection.reply({ body }))
  let address: string | undefined
  const server = createServer((request, response) => {
    target.request({ path: '/', method: 'POST', body: request }).then(async ({ body }) => {
      address = request.socket?.remoteAddress
      response.end(await body.text())
    }, error => response.writeHead(502).end(String(error)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { body } = await send(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { method: 'POST', body: 'all of it', headers: { connection: 'close' } })
  t.equal(body.toString(), 'all of it')
  t.equal(address, '127.0.0.1')
})
