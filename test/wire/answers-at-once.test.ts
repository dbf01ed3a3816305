// A socket made by a `connect` function may answer within a write to it, as a socket to a server in the same process does.
import { Duplex } from 'node:stream'
import t from 'tap'
import { startBackend } from '../../testing/backend.js'
import { rigFor } from '../connection/setup.js'

/** A duplex that answers within each write. */
function answering (answer: (text: string) => string): Duplex {
  return new Duplex({
    read () {},
    write (chunk: Buffer, _encoding, done) {
      const text = answer(chunk.toString('latin1'))
      if (text !== '') this.push(text)
      done()
    }
  })
}

function connectTo (make: () => Duplex) {
  return { undiciOptions: { connect: ((_to: unknown, done: (error: null, socket: Duplex) => void) => { setImmediate(() => done(null, make())) }) as never } }
}

t.test('an answer within the write of its request is whole, and its connection is kept', async t => {
  const rig = rigFor(t, 'http://inside.test', connectTo(() => answering(() => 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ninside')))
  for (let i = 0; i < 3; i++) {
    t.match(await rig.send().over, { status: 200, body: 'inside', error: undefined, finals: 1 })
    await rig.until(({ counts }) => counts.active === 0)
  }
  t.equal(rig.opened.length, 1)
  t.same(rig.closed, [])
})

t.test('an answer that comes while another one is read does not change that one', async t => {
  const answer = `HTTP/1.1 200 OK\r\nX-Long: ${'y'.repeat(500)}\r\nContent-Length: 6\r\n\r\ninside`
  let answers = 0
  const inside = rigFor(t, 'http://inside.test', connectTo(() => {
    const socket = answering(() => {
      if (answers++ > 0) return answer
      setImmediate(() => socket.push(answer))
      return ''
    })
    return socket
  }))
  t.match(await inside.send().over, { body: 'inside' })
  await inside.until(({ counts }) => counts.idle === 1)
  const backend = await startBackend((_request, connection) => connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\noutside\r\n8\r\n, and on\r\n0\r\n\r\n'))
  t.teardown(() => backend.close())
  const outside = rigFor(t, backend.url)
  let second: ReturnType<typeof inside.send> | undefined
  const first = outside.send({}, { head: () => { second = inside.send() } })
  t.match(await first.over, { status: 200, body: 'outside, and on', error: undefined, finals: 1 })
  t.match(await second!.over, { status: 200, body: 'inside', error: undefined, finals: 1 })
  await outside.until(({ counts }) => counts.idle === 1)
})

t.test('bytes that come while a piece of the response is delivered come after it', async t => {
  let socket: Duplex | undefined
  const rig = rigFor(t, 'http://inside.test', connectTo(() => {
    socket = answering(text => text.startsWith('GET') ? 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n' : '')
    return socket
  }))
  let pieces = 0
  const request = rig.send({}, {
    data: () => {
      if (++pieces === 1) socket!.push('5\r\nthree\r\n0\r\n\r\n')
      return true
    }
  })
  t.match(await request.over, { status: 200, body: 'onetwothree', error: undefined, finals: 1 })
})
