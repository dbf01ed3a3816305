// Regression: since Node 24, destroying a response that waits behind another one on its connection does not close the connection. A client
// that pipelined two requests waited for ever for the second response, whose backend was lost.
import t from 'tap'
import type { BackendConnection } from '../../testing/backend.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'

t.test('a response that is cut while it waits behind another one ends its connection when its turn comes', async t => {
  let first: BackendConnection | undefined
  let second: BackendConnection | undefined
  const backend = await backendFor(t, ({ path }, connection) => {
    if (path === '/first') {
      first = connection
      return
    }
    second = connection
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nthe beginning')
  })
  const gateway = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  const client = await clientFor(t, gateway)
  client.write('GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n')
  await backend.waitFor(() => first !== undefined && second !== undefined)
  await until(() => gateway.target.snapshot().connections.active === 2)
  second!.reset()
  await until(() => gateway.target.snapshot().connections.active === 1)
  first!.reply({ body: 'ok' })
  t.match(await client.response(), { status: 200, body: Buffer.from('ok') })
  // The head may be written.
  t.notOk(await client.response().then(({ complete }) => complete, () => false))
  await client.ended
})
