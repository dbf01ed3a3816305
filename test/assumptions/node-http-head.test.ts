// What src/quirks/node-http-head.ts relies on of node:http, asked of Node alone.
import { once } from 'node:events'
import { ServerResponse, createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'

type Outgoing = ServerResponse & { _send: (...given: unknown[]) => boolean, readonly _headerSent: boolean, readonly _header: string | null }

// A byte above 0x7f, as latin1 text.
const BYTE = '\u00e9'

/** All bytes of an answer. */
async function answer (t: Test, respond: (response: Outgoing) => void): Promise<string> {
  const server = createServer((_request, response) => respond(response as Outgoing)).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk: Buffer) => { text += chunk.toString('latin1') })
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  await once(socket, 'close')
  return text
}

t.test('a response sends its head and body by _send of its prototype, unless it has one of its own', async t => {
  t.type((ServerResponse.prototype as Outgoing)._send, 'function')
  const sent: unknown[][] = []
  const text = await answer(t, response => {
    const { _send } = response
    response._send = function (this: Outgoing, ...given: unknown[]) {
      sent.push([this._headerSent, given[0], given[1]])
      return Reflect.apply(_send, this, given)
    }
    response.writeHead(200, { 'x-a': BYTE }).write('first')
    response.end('last')
  })
  t.strictSame(sent[0]!.slice(0, 1), [false], 'the head has not been sent when it is called first')
  t.ok(sent.slice(1).every(([headerSent]) => headerSent === true), 'and it has been behind that')
  t.match(text, /^HTTP\/1.1 200 OK/)
})

t.test('a head that is sent with text is written in the encoding of that, and with bytes as latin1', async t => {
  const cases = [['text', undefined, '\u00c3\u00a9'], ['text', 'latin1', BYTE], [Buffer.from('text'), undefined, BYTE]] as const
  for (const [body, encoding, wanted] of cases) {
    const text = await answer(t, response => {
      response.writeHead(200, { 'x-a': BYTE })
      response._send(body, encoding)
      response.end()
    })
    t.ok(text.includes(`x-a: ${wanted}\r\n`), JSON.stringify([body, encoding]))
  }
})

t.test('a head that is flushed alone is sent as an empty text', async t => {
  const sent: unknown[][] = []
  await answer(t, response => {
    const { _send } = response
    response._send = function (this: Outgoing, ...given: unknown[]) {
      sent.push(given)
      return Reflect.apply(_send, this, given)
    }
    response.writeHead(200).flushHeaders()
    response.end()
  })
  t.equal(sent[0]![0], '')
})
