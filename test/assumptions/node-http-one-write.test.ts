// What src/quirks/node-http-one-write.ts relies on of node:http, asked of Node alone.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'

type Outgoing = ServerResponse & { _header: string | null, readonly _headerSent: boolean, readonly _hasBody: boolean }

/** The pieces that a client of an answer reads, and what is written to the socket. */
async function answered (t: Test, respond: (response: Outgoing) => void, method = 'GET'): Promise<{ text: string, writes: number }> {
  let writes = 0
  const server = createServer((_request, given) => {
    const { socket } = given
    for (const name of ['_write', '_writev'] as const) {
      const write = socket![name] as (...given: unknown[]) => void
      socket![name] = function (this: unknown, ...given: unknown[]) {
        writes++
        Reflect.apply(write, this, given)
      } as never
    }
    respond(given as Outgoing)
  }).listen(0, '127.0.0.1')
  t.teardown(() => { server.close().closeAllConnections() })
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`)
  const text = String((await once(socket, 'data'))[0])
  return { text, writes }
}

t.test('a response holds its head as text, from writeHead to its first write, and writes what it has then', async t => {
  const { text, writes } = await answered(t, response => {
    response.writeHead(200, { 'content-length': 4 })
    t.match(response._header, /^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\n$/)
    t.equal(response._headerSent, false)
    response._header += 'text'
    response.end()
    t.equal(response._headerSent, true)
  })
  t.match(text, /\r\n\r\ntext$/)
  t.equal(writes, 1)
})

t.test('it says whether it has a body, chunks, or a length that is held to', async t => {
  const state = ({ _hasBody, chunkedEncoding, strictContentLength }: Outgoing): unknown[] => {
    return [_hasBody, chunkedEncoding, strictContentLength]
  }
  await answered(t, response => {
    response.writeHead(200, { 'content-length': 4 })
    t.strictSame(state(response), [true, false, false])
    response.end('text')
  })
  await answered(t, response => {
    response.writeHead(200)
    response.write('text')
    t.strictSame(state(response), [true, true, false])
    response.end()
  })
  await answered(t, response => {
    response.writeHead(200, { 'content-length': 4 })
    t.strictSame(state(response), [false, false, false])
    response.end()
  }, 'HEAD')
  await answered(t, response => {
    response.writeHead(204)
    t.equal(response._hasBody, false)
    response.end()
  })
})

t.test('end takes a callback in the place of a text, and null for none', async t => {
  for (const callback of [true, false]) {
    await answered(t, response => {
      const finished = new Promise<void>(resolve => {
        response.on('finish', callback ? () => {} : resolve)
        const end = response.end as (callback: (() => void) | null) => void
        end.call(response.writeHead(200, { 'content-length': 0 }), callback ? resolve : null)
      })
      finished.then(() => t.pass('it has finished'), t.threw)
    })
  }
})
