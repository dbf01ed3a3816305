import { connect } from 'node:net'
import t from 'tap'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'

t.test('a body that a reset ends is not whole, even if a connect function has read the socket\'s address', async t => {
  const backend = await backendFor(t, async (_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\npart')
    connection.reset()
  })
  const looked: string[] = []
  const { port } = await gatewayFor(t, {
    routes: [{
      upstream: backend.url,
      undiciOptions: {
        connect: (to, callback) => {
          const socket = connect(Number(to.port), '127.0.0.1', () => {
            looked.push(socket.remoteAddress!)
            callback(null, socket)
          })
        }
      }
    }]
  })
  for (let i = 0; i < 5; i++) {
    const client = await clientFor(t, { port })
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const response = await client.response().catch(() => undefined)
    t.notOk(response?.status === 200 && response.complete, 'it does not look whole')
    client.socket.destroy()
  }
  t.ok(looked.length > 0, 'it was looked at')
})
