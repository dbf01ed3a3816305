// Regression: a chunked upload of small pieces, each of which the backend answers before the client sends the next, reached the backend
// only at its end.
import t from 'tap'
import { StreamedBody } from '../../src/wire/streamed-body.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'

const CHUNKED = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n'
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

t.test('the backend has each piece of an interactive stream before the client sends the next', async t => {
  const backend = await backendFor(t, {
    onConnection: connection => {
      let text = ''
      connection.socket.on('data', (bytes: Buffer) => {
        text += bytes.toString()
        const asked = /ask(\d)\r\n$/.exec(text)?.[1]
        if (asked === undefined) return
        if (asked === '1') connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        connection.write(chunk(`answer${asked}`))
        text = ''
      })
    },
    onRequest: (_request, connection) => connection.write('0\r\n\r\n')
  })
  const client = await clientFor(t, await gatewayFor(t, { routes: [{ upstream: backend.url }] }))
  client.write(CHUNKED)
  const answered = client.response()
  let came = ''
  client.socket.on('data', (bytes: Buffer) => { came += bytes.toString() })
  for (const n of [1, 2, 3]) {
    client.write(chunk(`ask${n}`))
    while (!came.includes(`answer${n}`)) await new Promise(resolve => client.socket.once('data', resolve))
  }
  client.write('0\r\n\r\n')
  t.equal((await answered).body.toString(), 'answer1answer2answer3')
})

t.test('the sent part of an interactive stream is sent again if its connection was stale', async t => {
  let accepted = 0
  let heads = 0
  const backend = await backendFor(t, {
    onConnection: () => { accepted++ },
    // The backend loses the second request on a connection as soon as a part of it has come.
    onHead: ({ nth }, connection) => {
      heads++
      if (nth === 2) connection.socket.once('data', () => connection.reset())
    },
    onRequest: ({ body }, connection) => connection.reply({ body })
  })
  const { port, target } = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  const client = await clientFor(t, { port })
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.response()
  client.write(CHUNKED.replace('POST', 'PUT') + chunk('one'))
  await until(() => heads === 2)
  client.write(chunk('two'))
  await backend.waitFor(() => accepted === 2)
  client.write(chunk('three') + '0\r\n\r\n')
  t.equal((await client.response()).body.toString(), 'onetwothree')
  t.match(target.snapshot().totals.retries, { stale: 1 })
})

t.test('a streamed body is held for a second attempt up to replayLimit', async t => {
  const read = async (stream: AsyncIterable<Buffer>): Promise<string> => {
    let text = ''
    for await (const piece of stream) text += piece.toString()
    return text
  }
  const body = new StreamedBody([Buffer.from('ab')], 6, () => {})
  const first = body.stream()
  t.equal(first.read().toString(), 'ab')
  t.ok(body.push(Buffer.from('cd')))
  first.destroy()
  t.ok(body.replayable)
  // No connection is free, so it is held, whatever its size.
  t.notOk(body.push(Buffer.from('efgh')))
  t.ok(body.replayable)
  const second = body.stream()
  body.end()
  t.notOk(body.replayable)
  t.equal(await read(second), 'abcdefgh')
  await t.rejects(read(body.stream()), { message: /not held/ })
})

t.test('an unread attempt serves as the next attempt too', async t => {
  const body = new StreamedBody([Buffer.from('abcdef')], 2, () => {})
  const first = body.stream()
  t.equal(body.stream(), first)
  body.abandon()
  t.ok(first.destroyed)
})
