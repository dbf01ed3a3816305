// A failure that is answered before an upload has been read left the client's connection open and unread: its next request, and
// its leaving, were never noticed.
import t from 'tap'
import { persistent } from '../../testing/behaviours.js'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'

t.test('a failure before the upload is read ends the client connection', async t => {
  const backend = await backendFor(t, persistent())
  const gateway = await gatewayFor(t, { routes: [{ upstream: backend.url, pool: { connectRetry: 0 } }] })
  backend.refuse()
  const client = await clientFor(t, gateway)
  client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n')
  // More than is collected before a connection is asked for, and not the end of it.
  for (let n = 0; n < 3; n++) client.write(`ffff\r\n${'x'.repeat(0xffff)}\r\n`)
  const response = await client.response()
  t.equal(response.status, 502)
  t.equal(response.header('connection'), 'close')
  await client.ended
})
