import t from 'tap'
import { endpointId } from '../../src/endpoint/endpoint-id.js'
import { HoldfastError } from '../../src/errors.js'
import type { ErrorCode } from '../../src/errors.js'
import { proxyErrorType, withProxyStatus } from '../../src/http/proxy-status.js'
import { provenanceWords } from '../../src/target/provenance.js'
import type { Provenance } from '../../src/connection/observer.js'
import { parseList } from '../../testing/structured-list.js'

const US = { token: 'holdfast' }

t.test('the test\'s parser refuses invalid lists', async t => {
  const wrong = ['a,', 'a,,b', ',a', 'a b', 'a ;b', 'a; B', 'a;b=', '"a', '"a\\b"', '"ä"', 'a;b=1.', 'a;b=1.2345', `a;b=${'1'.repeat(16)}`, 'a;b=?2', 'a;b=:-:', ';a', '"a\tb"']
  for (const field of wrong) t.throws(() => parseList(field), field)
  t.strictSame(parseList(' "a\\"\\\\";b;c=-1.5 ,\tx/y:z;  d=?0;e=:YQ==:'), [
    { value: 'a"\\', parameters: new Map<string, unknown>([['b', true], ['c', -1.5]]) },
    { value: { token: 'x/y:z' }, parameters: new Map<string, unknown>([['d', false], ['e', Buffer.from('a')]]) }
  ])
})

t.test('a member has the given parameters only', async t => {
  t.equal(withProxyStatus(undefined, {}), 'holdfast')
  t.equal(withProxyStatus(undefined, { receivedStatus: 304, details: 'nth=1' }), 'holdfast; received-status=304; details="nth=1"')
  t.equal(withProxyStatus(undefined, { nextHop: 'eabcdefghij', error: 'dns_error' }), 'holdfast; next-hop=eabcdefghij; error=dns_error')
  t.strictSame(parseList(withProxyStatus(undefined, { error: 'dns_error' })), [{ value: US, parameters: new Map([['error', { token: 'dns_error' }]]) }])
})

t.test('details of any kind are a string', async t => {
  for (const [details, read] of [['say "no" \\ never', 'say "no" \\ never'], ['a\r\nb\tc\u0000ä\u20acd', 'abcd'], ['', '']]) {
    const [member, ...others] = parseList(withProxyStatus(undefined, { details }))
    t.equal(member?.parameters.get('details'), read)
    t.strictSame(others, [])
  }
})

t.test('members of backends come first', async t => {
  const said = ['inner', '"the inner one"', 'a;error=dns_error;details="it said \\"no\\", twice"', 'a; rcode=1; b=1.5; c; d=?1; e=:YQ==:', 'a , b,c', ' *a.b/c:d!#$%&\'+^`|~-_ ',
    `a;b=${'1'.repeat(15)}`, `a;b=-${'1'.repeat(12)}.123`]
  for (const field of said) {
    const before = parseList(field)
    t.strictSame(parseList(withProxyStatus(field, {})), [...before, { value: US, parameters: new Map() }], field)
    t.strictSame(parseList(withProxyStatus([field, 'next'], {})), [...before, { value: { token: 'next' }, parameters: new Map() }, { value: US, parameters: new Map() }], field)
  }
})

t.test('an unreadable list is left out, since it would make the gateway\'s member unreadable', async t => {
  const wrong = ['', ' ', 'a,', 'a,,b', ',a', 'a b', 'a ;b', 'a; B', 'a;b=', '"a', 'a"b"', '"a\\b"', '"\u00e4"', 'a;b=1.', 'a;b=1.2345', `a;b=${'1'.repeat(16)}`, `a;b=${'1'.repeat(13)}.1`,
    'a;b=?2', 'a;b=:-:', ';a', '1', '?1', ':YQ==:', '(a b)', 'a\r\nb', `${'a;b="x", '.repeat(2_000)}"`]
  for (const field of wrong) {
    t.equal(withProxyStatus(field, {}), 'holdfast', JSON.stringify(field.slice(0, 40)))
    t.equal(withProxyStatus(['inner', field], {}), 'holdfast')
  }
})

t.test('an almost valid list takes time linear in its length', async t => {
  // Regression: 196 bytes like these took seconds, since the expression could divide digits in several ways.
  const numbers = `a${';b=1111'.repeat(27)}"`
  const strings = `a${';b="\\\\"'.repeat(8_000)}"`
  for (const field of [numbers, `a${';b=1'.repeat(16_000)} b`, strings, `${' '.repeat(64_000)}"`, `a${' '.repeat(64_000)}b`, `a${', a'.repeat(16_000)},`]) {
    const began = process.cpuUsage()
    t.equal(withProxyStatus(field, {}), 'holdfast')
    const { user, system } = process.cpuUsage(began)
    t.ok(user + system < 1_000_000, `${field.length} bytes in ${user + system} us of CPU`)
  }
})

t.test('each failure has an error type of the RFC', async t => {
  const named: [ErrorCode, string, cause?: string][] = [
    ['HOLDFAST_ERR_CONNECT', 'connection_refused', 'ECONNREFUSED'],
    ['HOLDFAST_ERR_CONNECT', 'destination_ip_unroutable', 'EHOSTUNREACH'],
    ['HOLDFAST_ERR_CONNECT', 'destination_unavailable', 'EMFILE'],
    ['HOLDFAST_ERR_UNRESOLVABLE', 'dns_error', 'ENOTFOUND'],
    ['HOLDFAST_ERR_TLS', 'tls_certificate_error', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['HOLDFAST_ERR_TLS', 'tls_certificate_error', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['HOLDFAST_ERR_TLS', 'tls_certificate_error', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['HOLDFAST_ERR_TLS', 'tls_protocol_error', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'],
    ['HOLDFAST_ERR_TLS', 'tls_protocol_error', 'EPROTO'],
    ['HOLDFAST_ERR_CONNECT_TIMEOUT', 'connection_timeout'],
    ['HOLDFAST_ERR_HEADERS_TIMEOUT', 'connection_read_timeout'],
    ['HOLDFAST_ERR_TOTAL_TIMEOUT', 'http_response_timeout'],
    ['HOLDFAST_ERR_CONNECTION_LOST', 'connection_terminated', 'ECONNRESET'],
    ['HOLDFAST_ERR_INVALID_RESPONSE', 'http_protocol_error'],
    ['HOLDFAST_ERR_QUEUE_FULL', 'connection_limit_reached'],
    ['HOLDFAST_ERR_DRAINING', 'proxy_internal_response'],
    ['HOLDFAST_ERR_BODY_LIMIT', 'http_request_error'],
    ['HOLDFAST_ERR_LOOP', 'proxy_loop_detected']
  ]
  for (const [code, type, cause] of named) {
    t.equal(proxyErrorType(new HoldfastError(code, { cause: cause === undefined ? undefined : Object.assign(new Error('x'), { code: cause }) }), false), type, `${code} ${cause ?? ''}`)
  }
  t.equal(proxyErrorType(new HoldfastError('HOLDFAST_ERR_CONNECTION_LOST'), true), 'http_response_incomplete')
  t.equal(proxyErrorType(new Error('of somebody else\'s'), false), 'proxy_internal_error')
})

t.test('a provenance in words names no target', async t => {
  const whole: Provenance = {
    target: 'http://10.0.0.1:3000', connection: 7, reused: true, nth: 12, idleMs: 803, waitMs: 2, attempts: 2, retries: ['connect', 'stale'], persistence: 'persistent', error: 'HOLDFAST_ERR_CONNECTION_LOST'
  }
  t.equal(provenanceWords(whole), 'connection=7 reused=true nth=12 idleMs=803 waitMs=2 attempts=2 retries=connect+stale persistence=persistent error=HOLDFAST_ERR_CONNECTION_LOST')
  const none: Provenance = { target: 'http://10.0.0.1:3000', connection: undefined, reused: false, nth: 0, idleMs: 0, waitMs: 0, attempts: 0, retries: [], persistence: 'non-persistent' }
  t.equal(provenanceWords({ ...whole, endpoint: 'eabcdefghij', retries: ['fresh'] }),
    'endpoint=eabcdefghij connection=7 reused=true nth=12 idleMs=803 waitMs=2 attempts=2 retries=fresh persistence=persistent error=HOLDFAST_ERR_CONNECTION_LOST')
  t.equal(provenanceWords(none), 'waitMs=0 attempts=0 persistence=non-persistent')
})

t.test('the id of an endpoint is a token, and the next hop', async t => {
  for (const address of ['10.0.0.1:3000', '[::1]:80', 'users.internal:443']) {
    const nextHop = endpointId(address)
    t.strictSame(parseList(withProxyStatus(undefined, { nextHop })), [{ value: US, parameters: new Map([['next-hop', { token: nextHop }]]) }])
  }
})
