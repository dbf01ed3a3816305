// A write of a streamed body fails if the backend has answered early and closed. The answer, which is still unread, has to count.
import { Duplex, Readable } from 'node:stream'
import t from 'tap'
import { rigFor } from '../connection/setup.js'

t.test('an early answer reaches an app that sends a stream by dispatch, after a failed write', async t => {
  const make = (): Duplex => {
    let writes = 0
    const socket: Duplex = new Duplex({
      read () {},
      write (_chunk, _encoding, done) {
        if (++writes < 2) return done()
        done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
        // After the turns of the event loop in which the failure is reported.
        setImmediate(() => setImmediate(() => {
          socket.push('HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge')
          socket.push(null)
        }))
      }
    })
    return socket
  }
  const rig = rigFor(t, 'http://inside.test', { undiciOptions: { connect: ((_to: unknown, done: (error: null, socket: Duplex) => void) => { setImmediate(() => done(null, make())) }) as never } })
  const body = new Readable({ read () {} })
  body.push('one')
  setTimeout(() => body.push('two'), 20)
  t.match(await rig.send({ method: 'POST', body }).over, { status: 413, body: 'large', error: undefined, finals: 1 })
  t.ok(body.destroyed)
})
