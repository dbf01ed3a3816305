// Regression: a failure that was answered before its upload had been read left the client's connection open and unread. The client's next
// request, or its leaving, went unnoticed.
import t from 'tap'
import { persistent } from '../../testing/behaviours.js'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'

t.test('a failure before the upload was read closes the client\'s connection', async t => {
  const backend = await backendFor(t, persistent())
  const gateway = await gatewayFor(t, { routes: [{ upstream: backend.url, pool: { connectRetry: 0 } }] })
  backend.refuse()
  const client = await clientFor(t, gateway)
  client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n')
  // More than the gateway collects before it acquires a connection, and without its end.
  for (let n = 0; n < 3; n++) client.write(`ffff\r\n${'x'.repeat(0xffff)}\r\n`)
  const response = await client.response()
  t.equal(response.status, 502)
  t.equal(response.header('connection'), 'close')
  await client.ended
})
