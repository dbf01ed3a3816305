import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import t from 'tap'
import type { ConnectFunction } from '../../src/options/connect-types.js'
import { clientFor, gatewayFor } from '../../testing/gateway.js'

const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'
const WEBSOCKET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

/** A backend in this process, behind a duplex that is no socket. It answers within the call of `write`. */
function answering (answer: (text: string) => string): { connect: ConnectFunction, made: Duplex[] } {
  const made: Duplex[] = []
  const connect: ConnectFunction = (_to, callback) => {
    const duplex = new Duplex({
      read () {},
      write (chunk: Buffer, _encoding, done) {
        this.push(answer(chunk.toString('latin1')))
        done()
      }
    })
    made.push(duplex)
    callback(null, duplex as Socket)
  }
  return { connect, made }
}

t.test('a connection that answers within the write is kept', { timeout: 5_000 }, async t => {
  const { connect, made } = answering(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
  const { port } = await gatewayFor(t, { routes: [{ upstream: 'http://in-memory', undiciOptions: { connect } }] })
  const client = await clientFor(t, { port })
  for (let i = 0; i < 3; i++) {
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    t.match(await client.response(), { status: 200, body: Buffer.from('hi') })
  }
  t.equal(made.length, 1)
})

t.test('a WebSocket goes over a duplex that is no socket', { timeout: 5_000 }, async t => {
  const { connect, made } = answering(text => text.startsWith('GET') ? `${SWITCHED}hello` : text)
  const { port } = await gatewayFor(t, { routes: [{ upstream: 'http://in-memory', websocket: true, undiciOptions: { connect } }] })
  const client = await clientFor(t, { port })
  client.write(WEBSOCKET)
  t.equal((await client.response()).status, 101)
  t.equal(String(await client.read(5)), 'hello')
  client.write('again')
  t.equal(String(await client.read(5)), 'again')
  const gone = new Promise(resolve => made[0]!.once('close', resolve))
  client.destroy()
  await gone
})
