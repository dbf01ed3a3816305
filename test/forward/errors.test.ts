import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { ErrorCode, GatewayOptions, ProxyOptions } from '../../src/index.js'
import type { RequestScript } from '../../testing/backend.js'
import { persistent } from '../../testing/behaviours.js'
import { certificates } from '../../testing/certificates.js'
import { type Answer, request } from '../../testing/client.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'
import type { LogLine } from '../../testing/gateway.js'

// A body must not contain addresses, ports, errnos or stacks.
const SECRETS = /127\.0\.0\.1|::1|:\d{4,5}\b|\bE(?:CONN|NOT|AI|HOST|PIPE|PROTO|TIMEDOUT|ADDR)|UND_ERR|HPE_|\bat .+\(|node_modules|\.ts\b|certificate/
const ERROR = 50

interface Failure { answer: Answer, log: LogLine[] }

async function failing (t: Test, upstream: string, route: ProxyOptions = {}, gateway: GatewayOptions = {}): Promise<Failure> {
  const { url, log } = await gatewayFor(t, { gateway: { pool: { connectRetry: 0 }, ...gateway }, routes: [{ upstream, ...route }] })
  return { answer: await request(url), log }
}

/** Holds that the client gets the status and the code and nothing else, and that the log has the cause once. */
function shows (t: Test, { answer, log }: Failure, status: number, code: ErrorCode, cause: RegExp): void {
  const body = answer.body.toString()
  t.equal(answer.status, status)
  t.match(JSON.parse(body), { statusCode: status, code })
  t.notMatch(body, SECRETS, 'no body tells')
  t.notMatch(JSON.stringify(answer.headers), /\bE(?:CONN|NOT|AI)|UND_ERR/, 'nor a header')
  const lines = log.filter(({ err }) => err?.code === code)
  t.equal(lines.length, 1, 'logged once')
  t.match(JSON.stringify(lines[0]), cause, 'with its cause')
  t.equal(lines[0]?.level, ERROR)
}

/** Listens, and writes the given bytes to every connection. */
async function listener (t: Test, says = ''): Promise<number> {
  const server = createServer(socket => { socket.on('error', () => {}).once('data', () => socket.write(says)) })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  return (server.address() as AddressInfo).port
}

t.test('502: nothing listens at the backend\'s port', async t => {
  const backend = await backendFor(t, persistent())
  backend.refuse()
  shows(t, await failing(t, backend.url), 502, 'HOLDFAST_ERR_CONNECT', /ECONNREFUSED/)
})

t.test('502: the name cannot be resolved', async t => {
  shows(t, await failing(t, 'http://backend.invalid'), 502, 'HOLDFAST_ERR_UNRESOLVABLE', /ENOTFOUND|EAI_AGAIN/)
})

t.test('502: the certificate is not trusted', async t => {
  const backend = await backendFor(t, persistent(), { tls: certificates().server })
  shows(t, await failing(t, backend.url), 502, 'HOLDFAST_ERR_TLS', /certificate/i)
  t.equal(backend.requests, 0, 'nothing was sent')
})

t.test('502: the backend speaks no TLS', async t => {
  const port = await listener(t, 'HTTP/1.1 400 Bad Request\r\n\r\n')
  shows(t, await failing(t, `https://127.0.0.1:${port}`), 502, 'HOLDFAST_ERR_TLS', /SSL|TLS|EPROTO|packet/i)
})

t.test('502: the answer is not HTTP', async t => {
  const nonsense = ['SSH-2.0-OpenSSH\r\n\r\n', 'HTTP/1.1 two hundred\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n', 'HTTP/1.1 777 Odd\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n']
  for (const bytes of nonsense) {
    const backend = await backendFor(t, (_request, connection) => connection.write(bytes))
    const failure = await failing(t, backend.url)
    shows(t, failure, 502, 'HOLDFAST_ERR_INVALID_RESPONSE', /./)
    await backend.waitFor(({ open }) => open === 0)
  }
})

t.test('502: the head is larger than maxHeaderSize', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply({ headers: { 'X-Large': 'x'.repeat(5_000) } }))
  shows(t, await failing(t, backend.url, { undiciOptions: { maxHeaderSize: 4_096 } }), 502, 'HOLDFAST_ERR_INVALID_RESPONSE', /larger than 4096 bytes/)
})

t.test('502: a fresh connection is lost without an answer', async t => {
  const endings: [string, RequestScript][] = [['by FIN', (_request, connection) => connection.end()], ['by RST', (_request, connection) => connection.reset()]]
  for (const [title, script] of endings) {
    const backend = await backendFor(t, script)
    shows(t, await failing(t, backend.url), 502, 'HOLDFAST_ERR_CONNECTION_LOST', /closed|RESET|UND_ERR_SOCKET/)
    t.equal(backend.requests, 1, `${title}: it was asked once`)
  }
})

t.test('504: no connection in time', async t => {
  // A TLS handshake without an answer: the connection is open only after it.
  const port = await listener(t)
  shows(t, await failing(t, `https://127.0.0.1:${port}`, { undiciOptions: { connect: { timeout: 100 } } }), 504, 'HOLDFAST_ERR_CONNECT_TIMEOUT', /timeout/i)
})

t.test('504: no answer in time', async t => {
  const backend = await backendFor(t, () => {})
  shows(t, await failing(t, backend.url, { undiciOptions: { headersTimeout: 100 } }), 504, 'HOLDFAST_ERR_HEADERS_TIMEOUT', /timeout/i)
  await backend.waitFor(({ open }) => open === 0)
})

t.test('504: the whole takes too long', async t => {
  const backend = await backendFor(t, () => {})
  shows(t, await failing(t, backend.url, { totalTimeout: 100 }), 504, 'HOLDFAST_ERR_TOTAL_TIMEOUT', /totalTimeout/)
  await backend.waitFor(({ open }) => open === 0)
})

t.test('503 with Retry-After: the queue is full, or took too long', async t => {
  const backend = await backendFor(t, () => {})
  const { app, url, target } = await gatewayFor(t, {
    routes: [{ upstream: backend.url, undiciOptions: { connections: 1 }, pool: { maxPending: 1, pendingTimeout: 200 } }]
  })
  const first = request(url).catch(() => {})
  await backend.waitFor(({ requests }) => requests === 1)
  const queued = request(url)
  await until(() => target.snapshot().connections.pending === 1)
  const cases: [Answer, ErrorCode][] = [[await request(url), 'HOLDFAST_ERR_QUEUE_FULL'], [await queued, 'HOLDFAST_ERR_QUEUE_TIMEOUT']]
  for (const [{ status, headers, body }, code] of cases) {
    t.equal(status, 503)
    t.match(headers['retry-after'], /^[1-9]\d*$/)
    t.match(JSON.parse(body.toString()), { code })
    t.notMatch(body.toString(), SECRETS)
  }
  t.equal(backend.requests, 1)
  t.strictSame(target.snapshot().totals.rejected, { HOLDFAST_ERR_QUEUE_FULL: 1, HOLDFAST_ERR_QUEUE_TIMEOUT: 1 })
  await app.close()
  await first
})

t.test('508: the request has passed the gateway too often', async t => {
  const backend = await backendFor(t, persistent())
  const { url } = await gatewayFor(t, { gateway: { maxHops: 2 }, routes: [{ upstream: backend.url }] })
  t.equal((await request(url, { headers: { via: '1.1 holdfast' } })).status, 200)
  const { status, body } = await request(url, { headers: { via: '1.1 holdfast, 1.0 fred, 1.1 holdfast' } })
  t.equal(status, 508)
  t.match(JSON.parse(body.toString()), { code: 'HOLDFAST_ERR_LOOP' })
  t.equal(backend.requests, 1)
})
