import t from 'tap'
import { checkProxyOptions } from '../../src/gateway/proxy-options.js'
import { resolveGatewayOptions } from '../../src/options/gateway-options.js'
import { resolveRouteOptions } from '../../src/options/route-options.js'
import { checkTargetOptions, resolveTargetOptions } from '../../src/options/target-options.js'
import { refuseUnknown } from '../../src/options/unknown-names.js'
import { parseUpstream } from '../../src/options/upstream.js'
import type { RouteOptions, TargetOptions } from '../../src/options/option-types.js'

const TIMES = [-1, 1.5, NaN, Infinity, 2_147_483_648, '5', null, true, {}]
const COUNTS = [-1, 1.5, NaN, '5', null, 2 ** 53]
const TEXTS = ['', 1, null, {}]
const FLAGS = [0, 1, 'true', null]
const GROUPS = [null, 1, 'x', [], true]

/** Values that each option refuses. */
const REFUSED: Record<string, unknown[]> = {
  'undiciOptions.connections': [0, ...COUNTS],
  'undiciOptions.keepAliveTimeout': TIMES,
  'undiciOptions.keepAliveMaxTimeout': [0, ...TIMES],
  'undiciOptions.keepAliveTimeoutThreshold': TIMES,
  'undiciOptions.headersTimeout': TIMES,
  'undiciOptions.bodyTimeout': TIMES,
  'undiciOptions.connect': [null, 1, 'x', []],
  'undiciOptions.connect.timeout': [0, ...TIMES],
  'undiciOptions.pipelining': [2, -1, '1', null, true],
  'undiciOptions.localAddress': ['localhost', '127.0.0.256', ...TEXTS],
  'undiciOptions.socketPath': TEXTS,
  'undiciOptions.maxHeaderSize': [0, Infinity, ...COUNTS],
  'undiciOptions.maxResponseSize': [0, Infinity, ...COUNTS],
  'pool.maxRequestsPerConnection': [Infinity, ...COUNTS],
  'pool.maxConnectionAge': TIMES,
  'pool.minIdle': [Infinity, ...COUNTS],
  'pool.maxPending': COUNTS,
  'pool.pendingTimeout': [0, ...TIMES],
  'pool.maxDials': [0, Infinity, ...COUNTS],
  'pool.connectRetry': TIMES,
  'pool.maxUpgraded': COUNTS,
  'pool.maxConnections': [0, ...COUNTS],
  balance: ['random', 'least_requests', '', ...TEXTS],
  affinity: ['ip', true, 1, [], {}, { cookie: 'endpoint', header: 'x-user' }],
  'affinity.cookie': ['a b', 'ä', 'a=b', ...TEXTS],
  'affinity.header': ['a b', 'ä', 'a:b', ...TEXTS],
  'affinity.ip': [false, 1, 'true'],
  slowStart: TIMES,
  'ejection.failures': [0, Infinity, ...COUNTS],
  'ejection.time': [0, ...TIMES],
  'ejection.maxTime': [0, ...TIMES],
  'ejection.maxEjected': [-0.1, 1.1, NaN, Infinity, '0.5', null, true],
  'ejection.statuses': [503, '503', null, {}],
  'healthCheck.path': ['health', 'http://a/health', '/a b', '/ä', '/a#b', ...TEXTS],
  'healthCheck.interval': [0, ...TIMES],
  'healthCheck.timeout': [0, ...TIMES],
  'healthCheck.rise': [0, Infinity, ...COUNTS],
  'healthCheck.fall': [0, Infinity, ...COUNTS],
  'healthCheck.status': [200, '2', '2XX', '1xx', '600', '199', '200-299', ...TEXTS],
  'discovery.refresh': [0, ...TIMES],
  'discovery.hold': TIMES,
  'discovery.servers': ['10.0.0.2', [], null, {}],
  'discovery.kubernetes': GROUPS,
  'discovery.kubernetes.url': ['10.96.0.1', 'ftp://10.96.0.1', 'https://10.96.0.1/api', ...TEXTS],
  'inspector.closesBeforeTeardown': [0, Infinity, ...COUNTS],
  'inspector.trialInterval': [0, ...TIMES],
  'retry.stale': FLAGS,
  'retry.replayLimit': [Infinity, ...COUNTS],
  undiciOptions: GROUPS,
  pool: GROUPS,
  inspector: [null, 1, 'x', [], true],
  retry: GROUPS,
  ejection: [null, 1, 'x', [], true],
  healthCheck: [null, 1, 'x', [], true],
  discovery: GROUPS
}
const REFUSED_OF_ROUTES: Record<keyof RouteOptions, unknown[]> = {
  responseBuffer: [Infinity, ...COUNTS],
  bodyLimit: [Infinity, ...COUNTS],
  totalTimeout: TIMES,
  tunnelIdleTimeout: TIMES,
  earlyHints: FLAGS,
  proxyStatus: FLAGS,
  via: FLAGS,
  clientBodyTimeout: TIMES,
  clientMinRate: COUNTS
}
/** The largest and smallest allowed values. */
const ALLOWED: Record<string, unknown[]> = {
  'undiciOptions.connections': [1, Infinity],
  'undiciOptions.keepAliveTimeout': [0, 2_147_483_647],
  'undiciOptions.headersTimeout': [0],
  'undiciOptions.connect.timeout': [1],
  'undiciOptions.pipelining': [0, 1],
  'pool.maxPending': [0, Infinity],
  'pool.maxUpgraded': [0, Infinity],
  'pool.maxConnectionAge': [0],
  'retry.replayLimit': [0],
  inspector: [false, {}],
  'pool.maxConnections': [1, Infinity],
  balance: ['least-requests', 'round-robin', 'hash'],
  affinity: [false, { ip: true }, { header: 'X-User' }, { cookie: 'endpoint', secret: 'x'.repeat(16) }, { cookie: 'endpoint', secret: ['ä'.repeat(8), 'y'.repeat(16)] }],
  slowStart: [0],
  ejection: [false, {}],
  'ejection.maxEjected': [0, 1],
  'ejection.statuses': [[], [100, 599]],
  healthCheck: [false, {}],
  'healthCheck.path': ['/', '/health?full=1', '/%C3%A4'],
  'healthCheck.status': ['2xx', '5xx', '200', '599'],
  'discovery.hold': [0],
  'discovery.servers': [['10.0.0.2', '10.0.0.2:5353', '::1', '[::1]:53']],
  'discovery.kubernetes': [{ url: 'https://[fd00::1]:6443', tokenFile: '/token', caFile: '/ca', namespace: 'shop' }]
}

/** `{ a: { b: value } }` for `a.b`. */
const nested = (path: string, value: unknown): TargetOptions =>
  path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as TargetOptions

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

for (const [path, values] of Object.entries(REFUSED)) {
  t.test(`${path} refuses invalid values, with name and value`, async t => {
    for (const value of values) {
      const shown = typeof value === 'string' ? JSON.stringify(value) : Array.isArray(value) ? 'an array' : typeof value === 'object' && value !== null ? 'an object' : String(value)
      const expected = { name: 'HoldfastError', code: 'HOLDFAST_ERR_OPTION', message: new RegExp(`^${escaped(path)}: ${escaped(shown)} `) }
      t.throws(() => checkTargetOptions(nested(path, value)), expected)
      t.throws(() => resolveTargetOptions(nested(path, value), {}), expected, 'the gateway\'s')
      t.throws(() => resolveTargetOptions({}, nested(path, value)), expected, 'the route\'s')
    }
  })
}

t.test('invalid options of a route are refused with name and value', async t => {
  for (const [name, values] of Object.entries(REFUSED_OF_ROUTES)) {
    for (const value of values) {
      const expected = { code: 'HOLDFAST_ERR_OPTION', message: new RegExp(`^${name}: `) }
      t.throws(() => resolveRouteOptions({ [name]: value }, {}), expected)
      t.throws(() => resolveRouteOptions({}, { [name]: value }), expected)
    }
  }
})

t.test('values at the bounds are allowed', async t => {
  for (const [path, values] of Object.entries(ALLOWED)) {
    for (const value of values) t.doesNotThrow(() => checkTargetOptions(nested(path, value)), `${path}: ${String(value)}`)
  }
})

t.test('an unknown name is refused, with the right name', async t => {
  const rows: [path: string, right: string][] = [
    ['undiciOptions.keepAliveTimout', 'keepAliveTimeout'],
    ['undiciOptions.keepalivetimeout', 'keepAliveTimeout'],
    ['undiciOptions.connection', 'connections'],
    ['undiciOptions.maxSockets', 'undiciOptions.connections'],
    ['undiciOptions.tls', 'undiciOptions.connect'],
    ['undiciOptions.connectTimeout', 'undiciOptions.connect.timeout'],
    ['undiciOptions.clientTtl', 'pool.maxConnectionAge'],
    ['undiciOptions.maxRequestsPerClient', 'pool.maxRequestsPerConnection'],
    ['undiciOptions.keepalive.timeout.millis', 'undiciOptions.keepAliveTimeout'],
    ['pool.maxPendings', 'maxPending'],
    ['pool.maxConnectionsAge', 'maxConnectionAge'],
    ['inspector.trialIntervall', 'trialInterval'],
    ['retry.replaylimit', 'replayLimit']
  ]
  for (const [path, right] of rows) {
    const [group = '', ...rest] = path.split('.')
    const name = rest.join('.')
    t.throws(() => checkTargetOptions({ [group]: { [name]: 5 } }), { code: 'HOLDFAST_ERR_OPTION', message: `${path}: 5 is unknown; did you mean ${right}?` })
  }
  t.throws(() => checkTargetOptions(nested('pool.zzzzzzzzzzzz', 5)), { message: 'pool.zzzzzzzzzzzz: 5 is unknown' }, 'where nothing is near, nothing is proposed')
  t.doesNotThrow(() => checkTargetOptions(nested('pool.zzzzzzzzzzzz', undefined)), 'and what is not given is not unknown')
})

t.test('a member of Object.prototype is an unknown name', async t => {
  for (const name of ['toString', 'hasOwnProperty', 'valueOf']) {
    t.throws(() => refuseUnknown({ [name]: 1 }, ['upstream'], ''), { message: new RegExp(`^${name}: 1 is unknown`) })
    t.throws(() => checkTargetOptions({ pool: { [name]: 1 } as object }), { message: new RegExp(`^pool\\.${name}: 1 is unknown`) })
  }
})

t.test('an option in the wrong place is refused with its place', async t => {
  const rows: [of: 'gateway' | 'proxy' | 'target', given: object, message: string][] = [
    ['proxy', { keepAliveTimeout: 5 }, 'keepAliveTimeout: 5 is unknown; did you mean undiciOptions.keepAliveTimeout?'],
    ['proxy', { connections: 5 }, 'connections: 5 is unknown; did you mean undiciOptions.connections?'],
    ['proxy', { getUpstream: null }, 'getUpstream: null is unknown; did you mean replyOptions.getUpstream?'],
    ['proxy', { health: true }, 'health: true is unknown; it is an option of gateway'],
    ['proxy', { drain: {} }, 'drain: an object is unknown; it is an option of gateway'],
    ['proxy', { deadline: 5 }, 'deadline: 5 is unknown; it is drain.deadline, an option of gateway'],
    ['gateway', { prefix: '/a' }, 'prefix: "/a" is unknown; it is an option of proxy'],
    ['gateway', { getUpstream: null }, 'getUpstream: null is unknown; it is replyOptions.getUpstream, an option of proxy'],
    ['gateway', { maxDials: 5 }, 'maxDials: 5 is unknown; did you mean pool.maxDials?'],
    ['gateway', { deadline: 5 }, 'deadline: 5 is unknown; did you mean drain.deadline?'],
    ['gateway', { Health: true }, 'Health: true is unknown; did you mean health?'],
    ['target', { pool: { connections: 5 } }, 'pool.connections: 5 is unknown; did you mean undiciOptions.connections?'],
    ['target', { undiciOptions: { rejectUnauthorized: false } },
      'undiciOptions.rejectUnauthorized: "***" is unknown; did you mean undiciOptions.connect.rejectUnauthorized?']
  ]
  const check = { gateway: resolveGatewayOptions, proxy: checkProxyOptions, target: checkTargetOptions }
  for (const [of, given, message] of rows) t.throws(() => check[of](given), { code: 'HOLDFAST_ERR_OPTION', message }, message)
})

t.test('a message about a value says what may be given', async t => {
  const upstream = (value: unknown) => () => { checkProxyOptions({ upstream: value } as { upstream: string }) }
  t.throws(() => checkTargetOptions(nested('undiciOptions.connections', '64')), { message: /"64" is no count; give a whole number from 1$/ })
  t.throws(() => checkTargetOptions(nested('undiciOptions.connections', 0)), { message: /: 0 is no count; give a whole number from 1$/ })
  t.throws(() => checkTargetOptions(nested('pool.pendingTimeout', 0)), { message: /: 0 is no time; give whole milliseconds from 1 to / })
  t.throws(upstream(new URL('http://user:hush@localhost')), { message: 'upstream: is a URL object; give its href' })
  t.throws(() => parseUpstream('localhost:3000'), { message: /^upstream: "localhost:3000" is not http: .*; give one like http:\/\/localhost:3000$/ })
})
