import { connect } from 'node:net'
import t from 'tap'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'

t.test('a socket that a connect function gives twice is one connection', { timeout: 5_000 }, async t => {
  const backend = await backendFor(t, (_request, connection) => { connection.reply({ body: 'hi' }) })
  const { port } = await gatewayFor(t, {
    routes: [{
      upstream: backend.url,
      undiciOptions: {
        connect: (to, callback) => {
          const socket = connect(Number(to.port), '127.0.0.1', () => {
            callback(null, socket)
            callback(null, socket)
          })
        }
      }
    }]
  })
  const client = await clientFor(t, { port })
  for (let i = 0; i < 2; i++) {
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    t.equal((await client.response()).status, 200)
  }
  t.equal(backend.accepted, 1)
})
