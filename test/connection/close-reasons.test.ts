import t from 'tap'
import { startBackend, type BackendScript } from '../../testing/backend.js'
import type { CloseReason } from '../../src/connection/observer.js'
import type { TargetOptions } from '../../src/options/option-types.js'
import { type Rig, rigFor } from './setup.js'

const headers = (fields: string, body = ''): string => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`

interface Case {
  script?: BackendScript
  options?: TargetOptions
  /** Causes the close. Default: a GET. */
  act? (rig: Rig): unknown
  /** The code of the GET's error, if it fails. */
  fails?: string
}

const get = async (rig: Rig): Promise<unknown> => (await rig.send().over).error?.code
const rest = async (rig: Rig): Promise<void> => {
  await get(rig)
  await rig.until(({ counts }) => counts.idle === 1)
}

const reply: BackendScript = (_request, connection) => connection.reply()

const CASES: Array<[string, CloseReason, Case]> = [
  ['the backend ends it while it is idle', 'backend_idle', { script: (_r, c) => { c.reply(); setImmediate(() => c.end()) }, act: get }],
  ['the backend resets it while it is idle', 'backend_idle', { script: (_r, c) => { c.reply(); setTimeout(() => c.reset(), 20) }, act: get }],
  ['a body that ends with the connection, unannounced', 'backend_idle', { script: (_r, c) => { c.write(headers('', 'hello')); c.end() } }],
  ['the backend ends it in place of an answer', 'backend_active', { script: (_r, c) => c.end(), fails: 'HOLDFAST_ERR_CONNECTION_LOST' }],
  ['the backend ends it in the middle of a counted body', 'backend_active', { script: (_r, c) => { c.write(headers('Content-Length: 9\r\n', 'hello')); c.end() }, fails: 'HOLDFAST_ERR_CONNECTION_LOST' }],
  ['the same, announced', 'backend_active', { script: (_r, c) => { c.write(headers('Connection: close\r\nContent-Length: 9\r\n', 'hello')); c.end() }, fails: 'HOLDFAST_ERR_CONNECTION_LOST' }],
  ['the backend ends it in the middle of a chunked body', 'backend_active', { script: (_r, c) => { c.write(headers('Connection: close\r\nTransfer-Encoding: chunked\r\n', '9\r\nhello')); c.end() }, fails: 'HOLDFAST_ERR_CONNECTION_LOST' }],
  ['the response says close', 'connection_close', { script: (_r, c) => c.reply({ headers: { Connection: 'Close' } }) }],
  ['the response is HTTP/1.0', 'connection_close', { script: (_r, c) => c.reply({ httpVersion: '1.0' }) }],
  ['the request says close', 'connection_close', { act: rig => rig.send({ headers: { connection: 'close' } }).over }],
  ['a Keep-Alive timeout of less than a second', 'idle_limit', { script: (_r, c) => c.reply({ headers: { 'Keep-Alive': 'timeout=0' } }) }],
  ['the idle limit', 'idle_limit', { options: { undiciOptions: { keepAliveTimeout: 100 } } }],
  ['as many requests as it may carry', 'max_requests', { options: { pool: { maxRequestsPerConnection: 1 } } }],
  ['unsolicited bytes, with the response', 'unexpected_data', { script: (_r, c) => c.write(headers('Content-Length: 0\r\n') + headers('Content-Length: 4\r\n', 'evil')) }],
  ['unsolicited bytes, later', 'unexpected_data', { script: (_r, c) => { c.reply(); setTimeout(() => c.write(headers('Content-Length: 4\r\n', 'evil')), 20) } }],
  ['bytes that are no HTTP, later', 'unexpected_data', { script: (_r, c) => { c.reply(); setTimeout(() => c.write('evil'), 20) } }],
  ['bytes that are not HTTP', 'invalid_response', { script: (_r, c) => c.write('SSH-2.0-OpenSSH\r\n'), fails: 'HOLDFAST_ERR_INVALID_RESPONSE' }],
  ['a head that is not HTTP', 'invalid_response', { script: (_r, c) => c.write(headers('Content-Length: 5\r\nX Y: z\r\n')), fails: 'HOLDFAST_ERR_INVALID_RESPONSE' }],
  ['a status above 599', 'invalid_response', { script: (_r, c) => c.reply({ status: 700 }), fails: 'HOLDFAST_ERR_INVALID_RESPONSE' }],
  ['an unsolicited 101', 'invalid_response', { script: (_r, c) => c.write('HTTP/1.1 101 Switching\r\n\r\n'), fails: 'HOLDFAST_ERR_INVALID_RESPONSE' }],
  ['a head longer than maxHeaderSize', 'invalid_response', { script: (_r, c) => c.reply({ headers: { 'X-Long': 'x'.repeat(2_000) } }), options: { undiciOptions: { maxHeaderSize: 1_000 } }, fails: 'HOLDFAST_ERR_INVALID_RESPONSE' }],
  ['a body longer than maxResponseSize', 'invalid_response', { script: (_r, c) => c.reply({ body: 'hello' }), options: { undiciOptions: { maxResponseSize: 4 } }, fails: 'HOLDFAST_ERR_RESPONSE_TOO_LARGE' }],
  ['no answer in time', 'timeout', { script: () => {}, options: { undiciOptions: { headersTimeout: 50 } }, fails: 'HOLDFAST_ERR_HEADERS_TIMEOUT' }],
  ['no more of a body in time', 'timeout', { script: (_r, c) => c.write(headers('Content-Length: 9\r\n', 'hello')), options: { undiciOptions: { bodyTimeout: 50 } }, fails: 'HOLDFAST_ERR_BODY_TIMEOUT' }],
  ['evict() is called', 'evicted', { act: async rig => { await rest(rig); rig.target.evict() } }],
  ['its target is closed while it is idle', 'drained', { act: async rig => { await rest(rig); await rig.target.close() } }],
  ['its target is closed while it is active', 'drained', { act: async rig => { const { over } = rig.send(); await rig.until(({ counts }) => counts.active === 1); await rig.target.close(); await over } }],
  ['its target is destroyed while it is active', 'drained', {
    script: () => {},
    act: async rig => { const { over } = rig.send(); await rig.until(({ counts }) => counts.active === 1); await rig.target.destroy(); return (await over).error?.code },
    fails: 'HOLDFAST_ERR_DRAINING'
  }],
  ['its target stops keeping connections', 'non_persistent', { act: async rig => { await rest(rig); rig.target.setPersistence('non-persistent', 'test') } }],
  ['keep-alive is switched off', 'non_persistent', { options: { undiciOptions: { keepAliveTimeout: 0 } } }],
  ['a trailer that names Connection', 'connection_close', { script: (_r, c) => c.write(headers('Transfer-Encoding: chunked\r\n', '0\r\nConnection: close\r\n\r\n')) }]
]

for (const [what, reason, { script = reply, options, act = get, fails }] of CASES) {
  t.test(`${what}: ${reason}`, async t => {
    const backend = await startBackend(script)
    t.teardown(() => backend.close())
    const rig = rigFor(t, backend.url, options)
    const outcome = await act(rig)
    if (fails !== undefined) t.equal(outcome, fails)
    else if (act === get) t.equal(outcome, undefined)
    await rig.until(({ closed }) => closed.length > 0)
    await backend.waitFor(({ open }) => open === 0)
    t.same(rig.reasons, [reason], 'one close, with that reason')
    t.same(rig.counts, { active: 0, idle: 0, connecting: 0, pending: 0, upgraded: 0 })
  })
}
