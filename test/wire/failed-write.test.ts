import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import type { Socket } from 'node:net'
import { Writable } from 'node:stream'
import Fastify from 'fastify'
import type { FastifyServerOptions } from 'fastify'
import t from 'tap'
import type { BackendSocket } from '../../src/wire/backend-socket.js'
import { WithheldWrites } from '../../src/wire/withheld-writes.js'
import { certificates } from '../../testing/certificates.js'
import { KINDS, Noted, dialerFor, pairFor, serverFor } from './socket-reader.js'

const TIMES = 40
const PIECE = Buffer.alloc(65_536, 'x')
const REFUSAL = 'HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge'

/**
 * Writes as a client's body comes: half of it, and the next piece when the backend has just closed, while its answer lies unread in the
 * kernel. Resolves with the end of reading.
 */
async function upload (socket: BackendSocket, size: number, peer: Socket): Promise<Noted> {
  const noted = new Noted(socket)
  peer.once('close', () => {
    socket.write(PIECE)
    socket.write(PIECE)
  })
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: ${size}\r\n\r\n`)
  for (let written = 0; written < size / 2; written += PIECE.length) socket.write(PIECE)
  await noted.until(() => socket.ending !== undefined)
  return noted
}

for (const tls of [false, true]) {
  for (const size of [300_000, 5_000_000]) {
    t.test(`a backend that refuses ${size} bytes early is read, ${TIMES} of ${TIMES} times${tls ? ', over TLS' : ''}`, async t => {
      const server = await serverFor(t, tls ? { tls: certificates().server } : {})
      const dial = dialerFor(t, server.url)
      let read = 0
      for (let i = 0; i < TIMES; i++) {
        const [peer, socket] = await Promise.all([server.accepted(), dial()])
        // The backend reads the head, answers, and closes with unread bytes, which makes a reset.
        peer.once('readable', () => {
          peer.read(100)
          peer.write(REFUSAL, () => peer.destroy())
        })
        const noted = await upload(socket, size, peer)
        if (noted.text === REFUSAL) read++
        socket.destroy()
      }
      t.equal(read, TIMES)
    })

    t.test(`Fastify's bodyLimit refuses ${size} bytes and is read, ${TIMES} of ${TIMES} times${tls ? ', over TLS' : ''}`, async t => {
      const app = Fastify({ bodyLimit: 1_000, ...tls && { https: certificates().server } } as FastifyServerOptions)
      app.post('/', async () => 'taken')
      t.teardown(() => app.close())
      const dial = dialerFor(t, new URL(await app.listen({ port: 0, host: '127.0.0.1' })))
      let read = 0
      for (let i = 0; i < TIMES; i++) {
        const [[peer], socket] = await Promise.all([once(app.server, tls ? 'secureConnection' : 'connection') as Promise<[Socket]>, dial()])
        const noted = await upload(socket, size, peer)
        if (noted.text.startsWith('HTTP/1.1 413 ')) read++
        socket.destroy()
      }
      t.equal(read, TIMES)
    })
  }
}

/** Makes the next write of a socket fail, as after the backend has closed, while the backend's bytes still come. */
function failWrites (socket: Socket): void {
  socket._write = (_chunk, _encoding, done) => process.nextTick(done, Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
  socket._writev = null as unknown as NonNullable<Socket['_writev']>
}

t.test('a failed write is reported once, and not within write(); later writes do nothing', async t => {
  const { noted, raw } = await failing(t)
  const { socket } = noted
  socket.write('lost')
  socket.write('behind it')
  t.same(noted.told, [])
  await noted.untilTold('write failed')
  t.same([socket.writeFailed, raw.destroyed, socket.ending], [true, false, undefined])
  t.match(socket.error, { code: 'EPIPE' })
  t.equal(socket.write('more'), false)
  t.equal(raw.writableLength, 'lostbehind it'.length)

  // The bound counts from the last read.
  const began = performance.now()
  await noted.untilTold('close')
  const took = performance.now() - began
  t.ok(took > 800 && took < 3_000, `${took} ms`)
  t.same(noted.told, ['write failed', 'close'])
  t.equal(socket.ending, 'reset')
})

t.test('each read renews the timer of a failed write, and the FIN ends it', async t => {
  const { noted, peer, raw } = await failing(t)
  noted.socket.write('lost')
  await noted.untilTold('write failed')
  const began = performance.now()
  for (let i = 0; i < 4; i++) {
    await new Promise(resolve => setTimeout(resolve, 400))
    peer.write('more')
    await noted.until(() => noted.text.length === 4 * (i + 1))
  }
  t.ok(performance.now() - began > 1_500)
  t.equal(raw.destroyed, false)
  peer.end()
  await noted.untilTold('close')
  t.same(noted.told, ['write failed', 'read', 'end', 'close'])
  t.equal(noted.socket.ending, 'fin')
})

t.test('a paused socket keeps bytes that came before a failed write', async t => {
  const { noted, peer } = await failing(t)
  noted.reads = () => noted.socket.pause()
  noted.socket.write('lost')
  peer.write('1')
  await noted.until(() => noted.text === '1')
  peer.end('2')
  await new Promise(resolve => setTimeout(resolve, 1_500))
  t.equal(noted.text, '1')
  noted.socket.resume()
  await noted.until(() => noted.text === '12')
  noted.socket.resume()
  await noted.untilTold('close')
  t.equal(noted.text, '12')
})

t.test('a write that fails after the FIN closes the socket at once', async t => {
  const { noted, peer } = await failing(t)
  peer.end()
  await noted.untilTold('end')
  const began = performance.now()
  noted.socket.write('late')
  await noted.untilTold('close')
  t.ok(performance.now() - began < 800)
  t.same([noted.told, noted.socket.ending], [['end', 'close'], 'fin'])
})

t.test('a failed write destroys a handed-over socket, like any socket', async t => {
  const { noted } = await failing(t)
  const socket = noted.socket.handOver(Buffer.alloc(0))
  socket.write('lost')
  const [error] = await once(socket, 'error')
  t.match(error, { code: 'EPIPE' })
})

for (const kind of KINDS) {
  t.test(`a socket that is handed over after a failed write is destroyed: ${kind}`, async t => {
    const { noted, peer } = await pairFor(t, kind)
    peer.destroy()
    const { socket } = noted
    while (!socket.writeFailed && !noted.told.includes('close')) {
      socket.write('x')
      await new Promise(resolve => setImmediate(resolve))
    }
    const given = socket.handOver(Buffer.alloc(0))
    if (!given.closed) await once(given, 'close')
    t.equal(given.destroyed, true)
  })
}

t.test('a stream\'s writes run one at a time, and each is called back once', async t => {
  const done: Array<(error?: Error | null) => void> = []
  const stream = new Writable({ write (_chunk, _encoding, callback) { done.push(callback) } })
  let told = 0
  const writes = new WithheldWrites(stream, () => { told++ })
  const results: unknown[] = []
  stream.on('error', error => results.push(error.message))
  stream.write('a', error => results.push(error ?? 'a'))
  stream.write('b', error => results.push(error?.message ?? 'b'))
  t.equal(done.length, 1)
  done[0]!()
  await new Promise(resolve => setImmediate(resolve))
  t.equal(done.length, 2)
  done[1]!(new Error('failed'))
  await new Promise(resolve => setImmediate(resolve))
  t.same([results, told, stream.destroyed], [['a'], 1, false])
  const closed = new Promise(resolve => stream.once('close', resolve))
  writes.release()
  writes.release()
  await closed
  t.same(results, ['a', 'failed', 'failed'])
})

async function failing (t: Parameters<typeof serverFor>[0]): Promise<{ noted: Noted, peer: Socket, raw: Socket }> {
  const server = await serverFor(t)
  let raw: Socket | undefined
  const dial = dialerFor(t, server.url, {
    connect: (to, callback) => {
      const socket: Socket = connectPlain({ port: Number(to.port), host: '127.0.0.1' }, () => {
        failWrites(socket)
        callback(null, socket)
      })
      raw = socket
    }
  })
  const [peer, socket] = await Promise.all([server.accepted(), dial()])
  return { noted: new Noted(socket), peer, raw: raw! }
}
