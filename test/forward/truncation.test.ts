import t, { type Test } from 'tap'
import type { Backend, BackendConnection } from '../../testing/backend.js'
import type { RawClient } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'

interface Truncation { title: string, head: string, part: string, how: 'fin' | 'rst' | 'nonsense' }

const CUT: Truncation[] = [
  { title: 'Content-Length, FIN', head: 'Content-Length: 10', part: 'hello', how: 'fin' },
  { title: 'Content-Length, RST', head: 'Content-Length: 10', part: 'hello', how: 'rst' },
  { title: 'a missing last chunk', head: 'Transfer-Encoding: chunked', part: '5\r\nhello\r\n', how: 'fin' },
  { title: 'a chunk cut short', head: 'Transfer-Encoding: chunked', part: '9\r\nhello', how: 'fin' },
  { title: 'chunks, RST', head: 'Transfer-Encoding: chunked', part: '5\r\nhello\r\n', how: 'rst' },
  { title: 'nonsense for a chunk', head: 'Transfer-Encoding: chunked', part: '5\r\nhello\r\n', how: 'nonsense' },
  { title: 'a body that its connection ends, RST', head: 'X: y', part: 'hello', how: 'rst' }
]

/** A backend that sends a head and part of a body. The test ends the connection when the client has both. */
async function between (t: Test, { head, part }: Pick<Truncation, 'head' | 'part'>): Promise<RunningGateway & { backend: Backend, client: RawClient, serving: () => BackendConnection }> {
  const backend = await backendFor(t, ({ path }, connection) => {
    if (path === '/whole') connection.reply({ body: 'whole' })
    else connection.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${part}`)
  })
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  const serving = (): BackendConnection => {
    const connection = backend.connections.at(-1)
    if (connection === undefined) throw new Error('no connection was made')
    return connection
  }
  return Object.assign(running, { backend, client: await clientFor(t, running), serving })
}

/** Whether the response was visibly cut off. */
async function wasCut (client: RawClient): Promise<boolean> {
  try {
    return !(await client.response()).complete
  } catch {
    return true
  }
}

const received = (client: RawClient, text: string): Promise<void> => new Promise(resolve => {
  let seen = client.unread.toString('latin1')
  if (seen.includes(text)) return resolve()
  client.socket.on('data', (chunk: Buffer) => {
    seen += chunk.toString('latin1')
    if (seen.includes(text)) resolve()
  })
})

for (const cut of CUT) {
  t.test(`a response that is cut short is cut short for the client: ${cut.title}`, async t => {
    const { client, serving, backend, target, log } = await between(t, cut)
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await received(client, 'hello')
    if (cut.how === 'fin') serving().end()
    else if (cut.how === 'nonsense') serving().write('zzz\r\n')
    else serving().reset()
    t.ok(await wasCut(client), 'it does not look whole')
    await client.ended
    await backend.waitFor(({ open }) => open === 0)
    t.match(target.snapshot().connections, { active: 0, idle: 0 }, 'its connection is not used again')
    t.notOk(log.some(({ level }) => level >= 60), 'and nothing fatal comes of it')
  })

  t.test(`a response that is cut short at once is a 502 or is cut: ${cut.title}`, async t => {
    const backend = await backendFor(t, (_request, connection) => {
      connection.write(`HTTP/1.1 200 OK\r\n${cut.head}\r\n\r\n${cut.part}`)
      if (cut.how === 'fin') connection.end()
      else if (cut.how === 'nonsense') connection.write('zzz\r\n')
      else connection.reset()
    })
    const running = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
    const client = await clientFor(t, running)
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const response = await client.response().catch(() => undefined)
    t.notOk(response?.status === 200 && response.complete, 'it does not look whole')
    await backend.waitFor(({ open }) => open === 0)
  })
}

t.test('a body that its connection ends is whole after a FIN', async t => {
  const { client, serving, target } = await between(t, { head: 'X: y', part: 'hello' })
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await received(client, 'hello')
  serving().end()
  const response = await client.response()
  t.equal(response.status, 200)
  t.equal(response.body.toString(), 'hello')
  t.ok(response.complete)
  t.match(target.snapshot().connections, { active: 0, idle: 0 })
  client.write('GET /whole HTTP/1.1\r\nHost: a\r\n\r\n')
  t.equal((await client.response()).body.toString(), 'whole', 'the client\'s connection goes on')
})

t.test('a body that stalls is cut at bodyTimeout', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'))
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, undiciOptions: { bodyTimeout: 150 } }] })
  const client = await clientFor(t, running)
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.ok(await wasCut(client))
  await backend.waitFor(({ open }) => open === 0)
})

t.test('a response above maxResponseSize never looks whole', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply({ body: Buffer.alloc(100_000) }))
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, undiciOptions: { maxResponseSize: 1_000 } }] })
  const client = await clientFor(t, running)
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const response = await client.response().catch(() => undefined)
  t.notOk(response?.status === 200 && response.complete)
  await backend.waitFor(({ open }) => open === 0)
})
