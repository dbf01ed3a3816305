import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { EnvironmentError } from '../../src/service/environment-error.js'
import { readEnvironment } from '../../src/service/environment.js'
import { givenOptions } from '../../src/service/given-options.js'
import { VARIABLES } from '../../src/service/variables.js'
import { resolveGatewayOptions } from '../../src/options/gateway-options.js'
import type { GatewayOptions } from '../../src/options/option-types.js'
import { TABLE } from '../../src/options/table.js'

const NO_FILE = 'there-is-no.env'

function read (variables: NodeJS.ProcessEnv = {}): ReturnType<typeof readEnvironment> {
  return readEnvironment(variables, NO_FILE)
}

function refused (t: Test, variables: NodeJS.ProcessEnv, ...parts: string[]): void {
  try {
    read(variables)
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error
    t.notMatch(error.message, /\n/, 'one line')
    for (const part of parts) t.ok(error.message.includes(part), `${part} is in: ${error.message}`)
    return
  }
  t.fail(`${JSON.stringify(variables)} was taken`)
}

const UNSET = {
  host: '127.0.0.1',
  port: 8080,
  upstreams: [],
  websocket: true,
  maxUpgraded: undefined,
  tunnelIdleTimeout: undefined,
  keepAliveTimeout: undefined,
  maxConnectionAge: undefined,
  connections: undefined,
  maxTargetConnections: undefined,
  maxPending: undefined,
  pendingTimeout: undefined,
  connectTimeout: undefined,
  headersTimeout: undefined,
  bodyTimeout: undefined,
  totalTimeout: undefined,
  bodyLimit: undefined,
  balance: undefined,
  affinity: undefined,
  ejection: true,
  healthCheckPath: undefined,
  discoveryRefresh: undefined,
  clientBodyTimeout: undefined,
  clientKeepAliveTimeout: undefined,
  trustProxy: false,
  drainDelay: undefined,
  drainDeadline: undefined,
  proxyStatus: false,
  via: true,
  admin: undefined,
  metricsPath: undefined,
  logLevel: 'info',
  logMask: undefined,
  logSkipPaths: [],
  samples: { asked: false, refusal: undefined },
  sampleLoad: true,
  production: false,
  ignoredWarnings: new Set()
}

t.test('nothing set leaves the gateway its own defaults, on this machine alone', async t => {
  const environment = read()
  t.strictSame(environment, UNSET)
  t.ok(Object.isFrozen(environment))
})

t.test('every variable is read with its type', async t => {
  const environment = read({
    HOST: '0.0.0.0',
    PORT: '0',
    UPSTREAMS: '/a=http://a',
    KEEP_ALIVE_TIMEOUT_MS: '30000',
    CONNECTIONS: '64',
    HEADERS_TIMEOUT_MS: '0',
    BODY_TIMEOUT_MS: '1',
    MAX_UPGRADED: '0',
    TUNNEL_IDLE_TIMEOUT_MS: '3',
    MAX_CONNECTION_AGE_MS: '4',
    MAX_PENDING: '5',
    PENDING_TIMEOUT_MS: '6',
    CONNECT_TIMEOUT_MS: '7',
    TOTAL_TIMEOUT_MS: '8',
    BODY_LIMIT: '9',
    MAX_TARGET_CONNECTIONS: '12',
    BALANCE: 'hash',
    AFFINITY: 'header:X-User',
    EJECTION: 'false',
    HEALTH_CHECK_PATH: '/health',
    DISCOVERY_REFRESH_MS: '13',
    CLIENT_BODY_TIMEOUT_MS: '10',
    CLIENT_KEEP_ALIVE_TIMEOUT_MS: '11',
    TRUST_PROXY: 'true',
    DRAIN_DELAY_MS: '2000',
    DRAIN_DEADLINE_MS: '5000',
    WEBSOCKET: 'false',
    PROXY_STATUS: 'true',
    VIA: 'false',
    ADMIN_PORT: '9090',
    ADMIN_HOST: '0.0.0.0',
    ADMIN_TOKEN: '0123456789abcdef',
    ADMIN_ALLOWED_HOSTS: 'admin.example, .internal:9901',
    METRICS_PATH: '/metrics',
    LOG_LEVEL: 'warn',
    LOG_MASK: ' ssn, !code',
    LOG_SKIP_PATHS: '/health/live, /assets/*',
    SAMPLES: 'false',
    SAMPLE_LOAD: '0',
    NODE_ENV: 'production',
    IGNORED_WARNINGS: 'plain-http, trusts-everybody',
    IGNORED_VARIABLES: 'UPSTREAM'
  })
  t.strictSame(environment, {
    host: '0.0.0.0',
    port: 0,
    upstreams: [{ prefix: '/a', upstream: 'http://a', forWebSockets: false }],
    websocket: false,
    maxUpgraded: 0,
    tunnelIdleTimeout: 3,
    keepAliveTimeout: 30_000,
    maxConnectionAge: 4,
    connections: 64,
    maxTargetConnections: 12,
    maxPending: 5,
    pendingTimeout: 6,
    connectTimeout: 7,
    headersTimeout: 0,
    bodyTimeout: 1,
    totalTimeout: 8,
    bodyLimit: 9,
    balance: 'hash',
    affinity: { header: 'X-User' },
    ejection: false,
    healthCheckPath: '/health',
    discoveryRefresh: 13,
    clientBodyTimeout: 10,
    clientKeepAliveTimeout: 11,
    trustProxy: true,
    drainDelay: 2_000,
    drainDeadline: 5_000,
    proxyStatus: true,
    via: false,
    admin: { port: 9_090, host: '0.0.0.0', token: '0123456789abcdef', allowedHosts: ['admin.example', '.internal:9901'], required: true },
    metricsPath: '/metrics',
    logLevel: 'warn',
    logMask: ['ssn', '!code'],
    logSkipPaths: ['/health/live', '/assets/*'],
    samples: { asked: false, refusal: 'SAMPLES=false keeps the samples from running' },
    sampleLoad: false,
    production: true,
    ignoredWarnings: new Set(['plain-http', 'trusts-everybody'])
  })
})

t.test('an empty value counts as not given', async t => {
  const names = Object.keys(parseEnv(exampleText()))
  t.strictSame(read(Object.fromEntries(names.map(name => [name, '']))), UNSET)
})

t.test('a .env file is read, and the process\'s environment overrides it', async t => {
  const path = join(t.testdir(), '.env')
  writeFileSync(path, 'PORT=1234\nCONNECTIONS=7\nUNRELATED=x\n')
  const { port, connections } = readEnvironment({ PORT: '4321' }, path)
  t.strictSame({ port, connections }, { port: 4321, connections: 7 })
})

t.test('a .env that is not a file is named', async t => {
  const path = t.testdir()
  t.throws(() => readEnvironment({}, path), { name: 'EnvironmentError', message: `${path} cannot be read` })
})

t.test('an invalid value is refused with its name and value', async t => {
  refused(t, { PORT: 'http' }, 'PORT', '"http"', '0 to 65535')
  refused(t, { PORT: '65536' }, 'PORT', '65536')
  refused(t, { PORT: '-1' }, 'PORT', '-1')
  refused(t, { PORT: '80.5' }, 'PORT', '80.5')
  refused(t, { HOST: 'http://here/' }, 'HOST', 'http://here/')
  refused(t, { CONNECTIONS: '0' }, 'CONNECTIONS', '0', 'above 0')
  for (const name of Object.keys(VARIABLES).filter(name => name.endsWith('_MS'))) {
    refused(t, { [name]: '5s' }, name, '"5s"', 'milliseconds')
    refused(t, { [name]: '2147483648' }, name, '2147483648')
  }
  for (const name of ['CONNECT_TIMEOUT_MS', 'PENDING_TIMEOUT_MS', 'DISCOVERY_REFRESH_MS']) refused(t, { [name]: '0' }, name, '1 to 2147483647')
  for (const name of ['MAX_PENDING', 'MAX_UPGRADED', 'BODY_LIMIT']) {
    refused(t, { [name]: '-1' }, name, '-1', 'is not a whole number')
    refused(t, { [name]: '1mb' }, name, '"1mb"')
  }
  refused(t, { MAX_TARGET_CONNECTIONS: '0' }, 'MAX_TARGET_CONNECTIONS', '0', 'above 0')
  refused(t, { BALANCE: 'random' }, 'BALANCE', '"random"', 'one of least-requests, round-robin, hash')
  refused(t, { EJECTION: 'no' }, 'EJECTION', '"no"', 'true or false')
  for (const path of ['health', '/a b', '/a#b', 'http://a/health']) refused(t, { HEALTH_CHECK_PATH: path }, 'HEALTH_CHECK_PATH', 'is not a path, like /health')
  refused(t, { PROXY_STATUS: 'yes' }, 'PROXY_STATUS', '"yes"', 'true or false')
  refused(t, { VIA: 'no' }, 'VIA', '"no"', 'true or false')
  refused(t, { LOG_LEVEL: 'verbose' }, 'LOG_LEVEL', '"verbose"', 'trace')
  for (const [list, entry] of [['ssn,', ''], ['*', '*'], ['ssn, a b', 'a b'], ['token=x', 'token=x']]) {
    refused(t, { LOG_MASK: list }, `LOG_MASK: ${JSON.stringify(entry)} is no name of a parameter; give one like ssn, *_ssn for all that end so, or !code to show a default one`)
  }
  t.equal(read({ LOG_MASK: 'false' }).logMask, false)
  for (const [list, entry] of [['health', 'health'], ['/health,', ''], ['/a b', '/a b'], ['/a?b=1', '/a?b=1'], ['/a*', '/a*'], ['/*/a', '/*/a'], ['/a/**', '/a/**'], ['*', '*'], ['/a#b', '/a#b']]) {
    refused(t, { LOG_SKIP_PATHS: list }, `LOG_SKIP_PATHS: ${JSON.stringify(entry)} is no path; give paths like /health/live, or /assets/* for all below /assets/`)
  }
  for (const list of ['/', '/*', '/a', '/a/', '/a/b/*', '/%20,/\u00fc']) t.same(read({ LOG_SKIP_PATHS: list }).logSkipPaths, list.split(','))
})

t.test('the gateway accepts the longest times, and the largest numbers, that the environment accepts', async t => {
  const given = (text: (name: string) => string): GatewayOptions => givenOptions(read(Object.fromEntries(
    Object.entries(VARIABLES).filter(([name, { type }]) => type === 'integer' && !name.endsWith('PORT')).map(([name]) => [name, text(name)])
  )))
  for (const options of [given(name => name.endsWith('_MS') ? '2147483647' : '9007199254740991'), given(name => 'minimum' in VARIABLES[name as 'PORT'] ? String(VARIABLES[name as 'PORT']['minimum']) : '1')]) {
    t.doesNotThrow(() => resolveGatewayOptions(options))
  }
})

t.test('an address to listen on has no brackets and no port', async t => {
  const admin = { ADMIN_PORT: '9901', ADMIN_TOKEN: '0123456789abcdef' }
  for (const [name, port, others] of [['HOST', 'PORT', {}], ['ADMIN_HOST', 'ADMIN_PORT', admin]] as const) {
    const brackets = `has brackets, which only a URL needs; give the address without brackets, ${name}=`
    for (const [value, why] of [
      ['[::]', `${brackets}::`],
      ['[::1]:8081', `${brackets}::1, and its port in ${port}, ${port}=8081`],
      ['0.0.0.0:8081', `has a port; give it in ${port}: ${name}=0.0.0.0 and ${port}=8081`],
      ['localhost:8081', `has a port; give it in ${port}: ${name}=localhost and ${port}=8081`],
      [':::8081', `has a port; give it in ${port}: ${name}=:: and ${port}=8081`],
      ['http:', `is no address; give one like 0.0.0.0 or ::, and the port in ${port}`]
    ] as const) refused(t, { ...others, [name]: value }, `${name}: ${JSON.stringify(value)} ${why}`)
    for (const value of ['::', '::1', 'fe80::1%eth0', 'localhost']) t.doesNotThrow(() => read({ ...others, [name]: value }), value)
  }
})

t.test('TRUST_PROXY is true, false, or addresses', async t => {
  t.equal(read({ TRUST_PROXY: 'false' }).trustProxy, false)
  t.strictSame(read({ TRUST_PROXY: '10.0.0.0/8, ::1,loopback,fe80::/10' }).trustProxy, ['10.0.0.0/8', '::1', 'loopback', 'fe80::/10'])
  refused(t, { TRUST_PROXY: '1' }, 'TRUST_PROXY', 'hop count')
  refused(t, { TRUST_PROXY: '10.0.0.1,2' }, 'TRUST_PROXY', '"2"', 'hop count')
  refused(t, { TRUST_PROXY: 'loopback, 10.0.0.0/8  192.168.0.0/16' },
    'TRUST_PROXY: "10.0.0.0/8  192.168.0.0/16" has spaces between its addresses; separate them by commas: 10.0.0.0/8,192.168.0.0/16')
  for (const wrong of ['a 10.0.0.0/8', 'yes', '10.0.0.0/33', '10.0.0.0/0', '::1/129', '10.0.0', '10.0.0.1,,']) refused(t, { TRUST_PROXY: wrong }, 'TRUST_PROXY')
})

t.test('.env.example names every variable with the default it has', async t => {
  const example = parseEnv(exampleText())
  for (const { path, variable, default: value } of TABLE) {
    const isLimit = value !== Infinity
    if (variable !== undefined && typeof value === 'number') t.equal(example[variable], isLimit ? String(value) : '', `${variable} is ${path}`)
  }
  t.equal(example['CLIENT_KEEP_ALIVE_TIMEOUT_MS'], String(Fastify().server.keepAliveTimeout))
  t.strictSame(Object.keys(example).sort(), Object.keys(VARIABLES).sort())
  const { host, port, trustProxy, websocket, proxyStatus, via, logLevel, sampleLoad, upstreams, production } = read({ ...example, ADMIN_PORT: '9901' })
  t.match(UNSET, { host, port, trustProxy, websocket, proxyStatus, via, logLevel, sampleLoad, upstreams, production })
})

/** The file with every commented line in force. */
function exampleText (): string {
  return readFileSync(new URL('../../.env.example', import.meta.url), 'utf8').replace(/^# (?=[A-Z_]+=)/gm, '')
}
