import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import t from 'tap'
import { BackendSocket } from '../../src/wire/backend-socket.js'

t.test('a socket that is handed over during a write can be written to afterwards', { timeout: 5_000 }, async t => {
  const written: string[] = []
  const dones: Array<() => void> = []
  const duplex = new Duplex({
    read () {},
    write (chunk: Buffer, _encoding, done) {
      written.push(chunk.toString())
      dones.push(done)
    }
  })
  const socket = BackendSocket.adopt(duplex as Socket)
  socket.write('a request')
  socket.pause()
  const plain = socket.handOver(Buffer.alloc(0))
  plain.write('a frame', () => plain.emit('sent'))
  dones[0]!()
  const sent = once(plain, 'sent')
  await new Promise(resolve => setImmediate(resolve))
  t.same(written, ['a request', 'a frame'])
  dones[1]?.()
  if (dones.length > 1) await sent
  duplex.destroy()
})
