import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import t from 'tap'
import { BackendSocket } from '../../src/wire/backend-socket.js'
import { KINDS, Noted, dialerFor, pairFor, serverFor } from './socket-reader.js'

const MEGABYTE = 1_048_576
const turn = async (): Promise<void> => await new Promise(resolve => setImmediate(resolve))
/** Time for sent bytes to reach the kernel's buffer, in ms. */
const turns = async (): Promise<void> => { for (let i = 0; i < 20; i++) await turn() }

for (const kind of KINDS) {
  t.test(`the backend's bytes are read, and its end is reported once: ${kind}`, async t => {
    const { noted, peer } = await pairFor(t, kind)
    const { socket } = noted
    socket.write('PING \xe9', 'latin1')
    const [ping] = await once(peer, 'data') as [Buffer]
    t.equal(ping.toString('latin1'), 'PING \xe9')
    peer.write('one')
    await noted.until(() => noted.text === 'one')
    peer.end('two')
    await noted.untilTold('end')
    t.same([noted.text, socket.bytesRead, socket.ending], ['onetwo', 6, 'fin'])
    t.match(socket.address, /^127\.0\.0\.1:\d+$/)

    // It can be written to after the FIN; its reader decides.
    socket.write('late')
    t.equal(String((await once(peer, 'data'))[0]), 'late')
    socket.destroy()
    await noted.untilTold('close')
    t.same(noted.told, ['read', 'end', 'close'])
    t.equal(socket.ending, 'fin')
  })

  t.test(`a socket that this side destroys reports only its close: ${kind}`, async t => {
    const { noted, peer } = await pairFor(t, kind)
    noted.reads = () => noted.socket.destroy()
    peer.write(Buffer.alloc(4 * MEGABYTE))
    await noted.untilTold('close')
    t.same(noted.told, ['read', 'close'])
    t.same([noted.socket.ending, noted.socket.error], ['own', undefined])
    t.equal(noted.socket.write('x'), false)
  })

  t.test(`a socket that is paused within a read reports nothing and loses nothing: ${kind}`, async t => {
    const { noted, peer } = await pairFor(t, kind)
    const { socket } = noted
    const sent = Buffer.alloc(4 * MEGABYTE, 'abcdefghijklmnopqrstuvwxyz').toString('latin1')
    let paused = false
    let reads = 0
    noted.reads = () => {
      reads++
      if (paused) t.fail('a read while paused')
      if (reads % 3 !== 0) return
      socket.pause()
      socket.pause()
      paused = true
      setImmediate(() => {
        paused = false
        socket.resume()
        socket.resume()
      })
    }
    peer.end(sent)
    await noted.untilTold('end')
    t.ok(noted.text === sent, `${noted.text.length} of ${sent.length}`)
    t.ok(reads >= 3)
    t.equal(socket.ending, 'fin')
  })

  t.test(`a resume within the read that paused cancels the pause: ${kind}`, async t => {
    const { noted, peer } = await pairFor(t, kind)
    noted.reads = () => {
      const { length } = noted.text
      noted.socket.pause()
      noted.socket.resume()
      t.equal(noted.text.length, length, 'nothing is read from within')
    }
    peer.end('x'.repeat(MEGABYTE))
    await noted.untilTold('end')
    t.equal(noted.text.length, MEGABYTE)
  })

  t.test(`a paused socket holds back bytes and the FIN behind them: ${kind}`, async t => {
    const { noted, peer } = await pairFor(t, kind)
    noted.socket.pause()
    peer.end('held')
    await once(peer, 'finish')
    await turns()
    t.same(noted.told, [])
    noted.socket.resume()
    t.same(noted.told, [], 'not from within resume()')
    await noted.untilTold('end')
    t.same(noted.told, ['read', 'end'])
    t.equal(noted.text, 'held')
  })

  t.test(`a socket without a reader loses nothing: ${kind}`, async t => {
    const { noted, peer } = await pairFor(t, kind)
    const { socket } = noted
    socket.reader = undefined
    peer.end('x'.repeat(MEGABYTE / 2))
    await turns()
    const next = new Noted(socket)
    await next.untilTold('end')
    t.same([next.text.length, noted.text], [MEGABYTE / 2, ''])
  })

  t.test(`a backend that does not read blocks writes, and drains them: ${kind}`, async t => {
    const { noted, peer } = await pairFor(t, kind)
    const { socket } = noted
    const piece = Buffer.alloc(64 * 1_024)
    let written = 0
    while (socket.write(piece)) written += piece.length
    written += piece.length
    t.equal(socket.writeBlocked, true)
    let received = 0
    const allReceived = new Promise<void>(resolve => {
      peer.on('data', chunk => {
        received += chunk.length
        if (received >= written) resolve()
      })
    })
    await noted.untilTold('drain')
    t.equal(socket.writeBlocked, false)
    await allReceived
    socket.destroy()
    await noted.untilTold('close')
    t.equal(received, written)
    t.equal(socket.ending, 'own')
  })

  t.test(`a handed-over socket begins with the unread bytes, and is a plain duplex: ${kind}`, async t => {
    const { noted, peer } = await pairFor(t, kind)
    let given: Socket | undefined
    noted.reads = text => { given = noted.socket.handOver(Buffer.from(text.slice(4))) }
    const sent = 'x'.repeat(2 * MEGABYTE)
    peer.write('head' + sent)
    await noted.until(() => given !== undefined)
    const socket = given!
    await turns()
    t.ok(socket.readableLength < 4 * 65_536, `${socket.readableLength} bytes lie there while it is not read`)
    let text = ''
    let paused = false
    socket.on('data', (chunk: Buffer) => {
      if (paused) t.fail('data while paused')
      text += chunk.toString('latin1')
      socket.pause()
      paused = true
      setImmediate(() => {
        paused = false
        socket.resume()
      })
    })
    // Half-close in both directions, ours first.
    socket.end('bye')
    peer.resume()
    await once(peer, 'end')
    t.equal(socket.readableEnded, false)
    peer.end('!')
    await once(socket, 'end')
    t.ok(text === `${sent}!`, `${text.length} bytes`)
    if (!socket.closed) await once(socket, 'close')
    t.same(noted.told, ['read'])
  })

  t.test(`a socket handed over while paused keeps its bytes, and flows for its first listener: ${kind}`, async t => {
    const { noted, peer } = await pairFor(t, kind)
    noted.socket.pause()
    peer.write('one')
    await turns()
    const socket = noted.socket.handOver(Buffer.from('zero '))
    let text = ''
    await turns()
    socket.on('data', (chunk: Buffer) => { text += chunk.toString('latin1') })
    peer.end(' two')
    await once(socket, 'end')
    t.equal(text, 'zero one two')
  })

  t.test(`an error of a handed-over socket ends only that socket: ${kind}`, async t => {
    const { noted, peer } = await pairFor(t, kind)
    const socket = noted.socket.handOver(Buffer.alloc(0))
    peer.destroy()
    socket.resume()
    while (!socket.destroyed) {
      socket.write('x')
      await turn()
    }
    t.pass()
  })
}

t.test('a reset and a FIN are distinguished', async t => {
  const { noted, peer } = await pairFor(t, 'plain')
  peer.resetAndDestroy()
  await noted.untilTold('close')
  t.same(noted.told, ['close'])
  t.equal(noted.socket.ending, 'reset')
  t.match(noted.socket.error, { code: 'ECONNRESET' })
})

t.test('a reset that comes together with data, which libuv calls an end, is a reset', async t => {
  let resets = 0
  for (let i = 0; i < 10; i++) {
    const { noted, peer } = await pairFor(t, 'plain')
    noted.socket.write('x')
    await once(peer, 'readable')
    peer.write('answer', () => peer.resetAndDestroy())
    await noted.until(() => noted.told.includes('end') || noted.told.includes('close'))
    t.equal(noted.text, 'answer')
    if (noted.socket.ending === 'reset') resets++
  }
  t.equal(resets, 10)
})

t.test('a reset during a pause is reported after the pause, behind earlier bytes', async t => {
  const { noted, peer } = await pairFor(t, 'plain')
  noted.reads = () => { if (noted.text.length < 10) noted.socket.pause() }
  peer.write('12345')
  await noted.until(() => noted.text === '12345')
  peer.write('67890', () => peer.resetAndDestroy())
  await turns()
  t.equal(noted.text, '12345')
  noted.socket.resume()
  await noted.until(() => noted.socket.ending !== undefined)
  t.equal(noted.text, '1234567890')
  t.equal(noted.socket.ending, 'reset')
})

t.test('an error of a paused socket that was made elsewhere is reported behind earlier bytes', async t => {
  const duplex = new Duplex({ read () {}, write (_chunk, _encoding, done) { done() } })
  const noted = new Noted(BackendSocket.adopt(duplex as Socket))
  noted.socket.pause()
  duplex.push('123')
  await turn()
  duplex.push('45')
  duplex.push('67890')
  await turn()
  duplex.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
  await turns()
  t.same(noted.told, [])
  noted.socket.resume()
  await noted.untilTold('close')
  t.equal(noted.text, '1234567890')
  t.same(noted.told, ['read', 'close'])
  t.equal(noted.socket.ending, 'reset')
})

t.test('one buffer serves all sockets', async t => {
  const pairs = await Promise.all(Array.from({ length: 20 }, async () => await pairFor(t, 'plain')))
  const texts = pairs.map((_, i) => String.fromCharCode(97 + i).repeat(300_000))
  for (const [i, { peer }] of pairs.entries()) peer.end(texts[i]!)
  await Promise.all(pairs.map(async ({ noted }) => await noted.untilTold('end')))
  for (const [i, { noted }] of pairs.entries()) t.ok(noted.text === texts[i], `the text of socket ${i}`)
})

t.test('an unreferenced socket keeps no process alive', async t => {
  const { noted, peer } = await pairFor(t, 'plain')
  peer.unref()
  const handles = (): number => process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
  const before = handles()
  noted.socket.unref()
  t.equal(handles(), before - 1)
  noted.socket.ref()
  t.equal(handles(), before)
})

t.test('any duplex is accepted', async t => {
  const written: string[] = []
  const duplex = new Duplex({
    read () {},
    write (chunk: Buffer, _encoding, done) {
      written.push(chunk.toString('latin1'))
      done()
    }
  })
  const noted = new Noted(BackendSocket.adopt(duplex as Socket))
  const { socket } = noted
  socket.ref()
  socket.unref()
  t.equal(socket.address, undefined)
  socket.cork()
  socket.write('a')
  socket.write(Buffer.from('b'))
  socket.uncork()
  duplex.push('read')
  duplex.push(null)
  await noted.untilTold('end')
  t.same([noted.text, written.join(''), socket.ending], ['read', 'ab', 'fin'])
  duplex.destroy()
  await noted.untilTold('close')
  t.same(noted.told, ['read', 'end', 'close'])
})

t.test('a duplex that other code destroys counts as cut', async t => {
  const duplex = new Duplex({ read () {}, write (_chunk, _encoding, done) { done() } })
  const noted = new Noted(BackendSocket.adopt(duplex as Socket))
  duplex.destroy()
  await noted.untilTold('close')
  t.equal(noted.socket.ending, 'reset')

  const gone = new Noted(BackendSocket.adopt(duplex as Socket))
  await gone.untilTold('close')
  t.same(gone.told, ['close'], 'one that has gone already')
})

t.test('a unix socket works like others, without an address', async t => {
  const path = join(tmpdir(), `holdfast-wire-${process.pid}.sock`)
  t.teardown(() => rmSync(path, { force: true }))
  const server = await serverFor(t, { path })
  const dial = dialerFor(t, server.url, { socketPath: path })
  const [peer, socket] = await Promise.all([server.accepted(), dial()])
  const noted = new Noted(socket)
  peer.end('over a file')
  await noted.untilTold('end')
  t.same([noted.text, socket.ending, socket.address], ['over a file', 'fin', undefined])
})
