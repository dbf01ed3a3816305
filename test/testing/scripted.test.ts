import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { type Backend, type BackendOptions, type BackendScript, startBackend } from '../../testing/backend.js'
import { readRequest } from '../../testing/backend-request.js'
import { apache, flipping, idleCloser, killer, phpServer, pythonHttp10, silentCloser } from '../../testing/behaviours.js'
import { certificates } from '../../testing/certificates.js'
import { type RawClient, rawClient, request } from '../../testing/client.js'
import { WireInput } from '../../testing/wire-input.js'

async function backendFor (t: Test, script: BackendScript, options?: BackendOptions): Promise<Backend> {
  const backend = await startBackend(script, options)
  t.teardown(() => backend.close())
  return backend
}

async function clientFor (t: Test, backend: Backend): Promise<RawClient> {
  const client = await rawClient(backend.port)
  t.teardown(() => client.destroy())
  return client
}

const get = (fields = ''): string => `GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`

const CHUNKED = 'POST /a?b HTTP/1.1\r\nHost: a\r\nX-One:  1 \r\nx-one: 2\r\nTransfer-Encoding: chunked\r\n\r\n' +
  '5;note=x\r\nhello\r\nc\r\n, it is\r\n\0me\r\n0\r\nX-Sum: 7\r\n\r\n'

t.test('a request is read the same however its bytes are split', async (t) => {
  const bytes = Buffer.from(CHUNKED, 'latin1')
  const expected = {
    method: 'POST',
    path: '/a?b',
    one: '1, 2',
    body: 'hello, it is\r\n\0me',
    trailers: [['X-Sum', '7']],
    raw: CHUNKED.slice(0, CHUNKED.indexOf('5;'))
  }
  for (let split = 1; split < bytes.length; split++) {
    const input = new WireInput()
    const reading = readRequest(input, 1, () => {})
    input.push(bytes.subarray(0, split))
    if (reading.next().done === true) t.fail(`was read after ${split} bytes`)
    input.push(bytes.subarray(split))
    const step = reading.next()
    if (step.done !== true) throw new Error(`was not read when split after ${split} bytes`)
    const { method, path, header, body, trailers, raw } = step.value
    const read = { method, path, one: header('X-ONE'), body: body.toString(), trailers, raw: raw.toString('latin1') }
    if (!isDeepStrictEqual(read, expected)) t.same(read, expected, `split after ${split} bytes`)
  }
  t.pass(`${bytes.length - 1} splits`)
})

t.test('what a lenient parser would repair is refused', async (t) => {
  const wrong = [
    'GET / HTTP/1.1\nHost: a\n\n',
    '\r\n' + get(),
    'GET / HTTP/1.1\r\n\r\n',
    get('Host: b\r\n'),
    get('X : 1\r\n'),
    get('X: 1\r\n folded\r\n'),
    get('X: a\rb\r\n'),
    get('Content-Length: +1\r\n'),
    get('Content-Length: 1\r\nContent-Length: 1\r\n'),
    get('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'),
    get('Transfer-Encoding: gzip, chunked\r\n'),
    get('Transfer-Encoding: chunked\r\n') + '0x1\r\n',
    get('Transfer-Encoding: chunked\r\n') + '1\r\nabc\r\n',
    'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\n'
  ]
  for (const bytes of wrong) {
    const input = new WireInput()
    input.push(Buffer.from(bytes, 'latin1'))
    t.throws(() => readRequest(input, 1, () => {}).next(), { name: 'Malformed' }, JSON.stringify(bytes))
  }
  const backend = await backendFor(t, phpServer())
  const client = await clientFor(t, backend)
  client.write(wrong[0] ?? '')
  await backend.waitFor(({ malformed, open }) => malformed.length === 1 && open === 0)
  t.equal(backend.requests, 0)
})

t.test('pipelined requests are handled one after another and answered in order', async (t) => {
  const release: Array<() => void> = []
  const backend = await backendFor(t, async ({ path }, connection) => {
    await new Promise<void>((resolve) => release.push(resolve))
    connection.reply({ body: path })
  })
  const client = await clientFor(t, backend)
  client.write(get().repeat(2))
  const answers = Promise.all([client.response(), client.response()])
  await backend.waitFor(() => release.length === 1)
  t.equal(backend.requests, 1, 'the second waits for the first')
  release[0]?.()
  await backend.waitFor(() => release.length === 2)
  release[1]?.()
  t.same((await answers).map(({ status, complete }) => [status, complete]), [[200, true], [200, true]])
  t.equal(client.unread.length, 0)
})

t.test('a head can be answered before its body comes', async (t) => {
  const backend = await backendFor(t, {
    onHead: (_head, connection) => connection.write('HTTP/1.1 100 Continue\r\n\r\n'),
    onRequest: ({ body }, connection) => connection.reply({ body })
  })
  const client = await clientFor(t, backend)
  client.write(get('Expect: 100-continue\r\nContent-Length: 2\r\n'))
  t.equal((await client.response()).status, 100)
  client.write('ok')
  t.equal((await client.response()).body.toString(), 'ok')
})

t.test('apache counts down and marks the last of 101 requests close', async (t) => {
  const backend = await backendFor(t, apache())
  const client = await clientFor(t, backend)
  for (let nth = 1; nth <= 100; nth++) {
    client.write(get(`Connection: keep-alive\r\nX-Id: r${nth}\r\n`))
    const response = await client.response()
    const said = response.header('keep-alive')
    const body = response.body.toString()
    if (said !== `timeout=5, max=${101 - nth}`) t.fail(`request ${nth} was told ${said}`)
    if (body !== `{"id":"r${nth}","nth":${nth}}`) t.fail(`request ${nth} got ${body}`)
  }
  client.write(get('Connection: keep-alive\r\n'))
  const last = await client.response()
  t.same([last.header('connection'), last.header('keep-alive')], ['close', undefined])
  t.equal(await client.ended, 'fin')
  t.equal(backend.closes, 1)
})

t.test('the killer kills only reused connections and executes nothing that it kills', async (t) => {
  const victims = killer({ probability: 0.5, seed: 7 })
  const backend = await backendFor(t, victims.script)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  let failed = 0
  for (let n = 0; n < 40; n++) {
    const answer = await request(backend.url, { agent, headers: { 'x-id': `r${n}` } }).catch(() => undefined)
    if (answer === undefined) failed++
    else if (!answer.body.toString().startsWith(`{"id":"r${n}"`)) t.fail(`request ${n} got the answer of another`)
  }
  t.ok(failed > 0 && failed < 40, `${failed} of 40 were killed`)
  t.equal(victims.killed, failed)
  t.equal(backend.closes, failed)
  t.equal(victims.executed.size, 40 - failed)
  t.ok([...victims.executed.values()].every((times) => times === 1))
})

t.test('a cut-off body is not taken for whole', async (t) => {
  const bodies = [
    'Content-Length: 5\r\n\r\nabc',
    'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
    '\r\nabc'
  ]
  for (const [index, body] of bodies.entries()) {
    const backend = await backendFor(t, (_request, connection) => {
      connection.write(`HTTP/1.1 200 OK\r\n${body}`)
      connection.end()
    })
    const client = await clientFor(t, backend)
    client.write(get())
    const response = await client.response()
    t.same([response.body.toString(), response.complete], ['abc', index === 2])
    if (index < 2) await t.rejects(request(backend.url))
  }
})

t.test('RST and FIN are distinguished, and an idle connection may end with either', async (t) => {
  for (const how of ['fin', 'rst'] as const) {
    const backend = await backendFor(t, idleCloser({ idleMs: 20, how }))
    const client = await clientFor(t, backend)
    client.write(get())
    await client.response()
    t.equal(await client.ended, how)
    t.equal(backend.connections[0]?.closedByBackend, true)
  }
})

t.test('HEAD is answered without a body, HTTP/1.0 without a length', async (t) => {
  const backend = await backendFor(t, silentCloser())
  const client = await clientFor(t, backend)
  client.write(get().replace('GET', 'HEAD'))
  const head = await client.response({ head: true })
  t.same([head.header('content-length'), head.body.length, head.header('connection')], ['9', 0, undefined])
  t.equal(await client.ended, 'fin')
  t.equal(client.unread.length, 0)

  const old = await clientFor(t, await backendFor(t, pythonHttp10({ contentLength: false })))
  old.write(get())
  const { httpVersion, header, body, complete } = await old.response()
  t.same([httpVersion, header('content-length'), body.toString(), complete], ['1.0', undefined, '{"nth":1}', true])
})

t.test('a backend can be switched between keeping and closing connections', async (t) => {
  const { script, set } = flipping()
  const backend = await backendFor(t, script)
  const client = await clientFor(t, backend)
  client.write(get())
  t.equal((await client.response()).header('connection'), 'keep-alive')
  set('close')
  client.write(get())
  t.equal((await client.response()).header('connection'), 'close')
  t.equal(await client.ended, 'fin')
})

t.test('a backend that refuses keeps its connections and can listen again on its port', async (t) => {
  const backend = await backendFor(t, (_request, connection) => connection.reply())
  const client = await clientFor(t, backend)
  await backend.waitFor(({ open }) => open === 1)
  backend.refuse()
  await t.rejects(rawClient(backend.port), { code: 'ECONNREFUSED' })
  client.write(get())
  t.equal((await client.response()).status, 200)
  await backend.listen()
  t.equal((await request(backend.url)).status, 200)
  t.equal(backend.accepted, 2)
})

t.test('a backend speaks TLS, asks for a client certificate, and can reset', async (t) => {
  const { ca, server, client } = certificates()
  const script: BackendScript = ({ path }, connection) => path === '/reset' ? connection.reset() : connection.reply()
  const backend = await backendFor(t, script, { tls: { ...server, ca, requestCert: true } })
  t.equal((await request(backend.url, { tls: { ca, ...client } })).status, 200)
  await t.rejects(request(`${backend.url}/reset`, { tls: { ca, ...client } }), { code: 'ECONNRESET' })
  await t.rejects(request(backend.url, { tls: { ca } }), 'without a certificate of its own')
  await t.rejects(request(backend.url, { tls: client }), 'without trust in the authority')
  await backend.waitFor(({ open }) => open === 0)
  t.equal(backend.closes, 1)
})

t.test('after a takeover both sides exchange raw bytes', async (t) => {
  const backend = await backendFor(t, (_request, connection) => {
    connection.reply({ status: 101, headers: { Connection: 'Upgrade', Upgrade: 'echo' } })
    connection.write(connection.takeOver())
    connection.socket.on('data', (bytes: Buffer) => connection.write(bytes))
  })
  const client = await clientFor(t, backend)
  client.write(get('Connection: Upgrade\r\nUpgrade: echo\r\n') + 'early ')
  t.equal((await client.response()).status, 101)
  client.write('late')
  t.equal((await client.read(10)).toString(), 'early late')
  t.same(backend.malformed, [])
})

t.test('a script that throws and a condition that never holds both fail their test', async (t) => {
  const thrown = new Error('thrown by the script')
  const backend = await startBackend(() => { throw thrown })
  await t.rejects(backend.waitFor(({ open }) => open > 0, 10), /after 10 ms still waiting for .*"open":0/)
  const waiting = t.rejects(backend.waitFor(({ requests }) => requests === 2), { cause: thrown })
  await t.rejects(request(backend.url))
  await waiting
  await t.rejects(backend.close(), thrown)
})

t.test('a backend listens on a unix socket', { skip: process.platform === 'win32' }, async (t) => {
  const socketPath = join(tmpdir(), `backend-${process.pid}.sock`)
  const backend = await backendFor(t, phpServer(), { socketPath, log: true })
  const agent = new Agent({ socketPath } as ConstructorParameters<typeof Agent>[0])
  t.equal((await request(backend.url, { agent })).status, 200)
  t.equal(backend.log[0]?.path, '/')
})
