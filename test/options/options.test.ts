import { createSecureContext } from 'node:tls'
import t from 'tap'
import { resolveRouteOptions } from '../../src/options/route-options.js'
import { TABLE } from '../../src/options/table.js'
import { keepsAlive, resolveTargetOptions, sameTargetOptions } from '../../src/options/target-options.js'
import type { ConnectOptions, RouteOptions, TargetOptions } from '../../src/options/option-types.js'
import { certificates, createAuthority } from '../../testing/certificates.js'

const { ca: CA, server: SERVER, client: CLIENT } = certificates()
const OTHER_CA = createAuthority('Other Authority').cert

const targetOf = (route: TargetOptions = {}, gateway: TargetOptions = {}): ReturnType<typeof resolveTargetOptions> => resolveTargetOptions(gateway, route)
const connectOf = (route: ConnectOptions | undefined, gateway: ConnectOptions | undefined): object =>
  ({ ...targetOf({ undiciOptions: { connect: route } }, { undiciOptions: { connect: gateway } }).undiciOptions.connect })

const DEFAULTS = {
  undiciOptions: {
    connections: 128,
    keepAliveTimeout: 60_000,
    keepAliveMaxTimeout: 60_000,
    keepAliveTimeoutThreshold: 1_000,
    headersTimeout: 50_000,
    bodyTimeout: 55_000,
    pipelining: 1,
    connect: { timeout: 3_000, rejectUnauthorized: true }
  },
  pool: { maxRequestsPerConnection: 0, maxConnectionAge: 600_000, minIdle: 0, maxPending: 1_024, pendingTimeout: 5_000, maxDials: 8, connectRetry: 1_000, maxUpgraded: 1_024, maxConnections: Infinity },
  inspector: { closesBeforeTeardown: 3, trialInterval: 30_000 },
  retry: { stale: true, replayLimit: 65_536 },
  balance: 'least-requests',
  affinity: undefined,
  slowStart: 0,
  ejection: { failures: 5, time: 10_000, maxTime: 300_000, maxEjected: 0.5, statuses: [] },
  healthCheck: undefined,
  discovery: { refresh: 5_000, hold: 30_000, servers: undefined, kubernetes: undefined }
}
const ROUTE_DEFAULTS = { responseBuffer: 262_144, bodyLimit: 0, totalTimeout: 0, tunnelIdleTimeout: 300_000, earlyHints: false, clientBodyTimeout: 55_000, clientMinRate: 256, via: true, proxyStatus: false }

t.test('without options the documented defaults hold', async t => {
  t.strictSame(targetOf(), DEFAULTS)
  t.strictSame({ ...resolveRouteOptions({}, {}) }, ROUTE_DEFAULTS)
})

t.test('a route\'s groups override the gateway\'s, one level deep', async t => {
  const gateway: TargetOptions = { undiciOptions: { connections: 10, headersTimeout: 1 }, pool: { maxPending: 5 }, retry: { stale: false }, inspector: { trialInterval: 7 } }
  const route: TargetOptions = { undiciOptions: { connections: 20 }, pool: { maxDials: 2 }, retry: { replayLimit: 1 }, inspector: { closesBeforeTeardown: 1 } }
  t.match(targetOf(route, gateway), {
    undiciOptions: { connections: 20, headersTimeout: 1, bodyTimeout: 55_000 },
    pool: { maxPending: 5, maxDials: 2, pendingTimeout: 5_000 },
    retry: { stale: false, replayLimit: 1 },
    inspector: { closesBeforeTeardown: 1, trialInterval: 7 }
  })
  t.strictSame({ ...resolveRouteOptions({ totalTimeout: 1, bodyLimit: 2 }, { bodyLimit: 3 }) }, { ...ROUTE_DEFAULTS, totalTimeout: 1, bodyLimit: 3 })
})

t.test('undefined means not given, and 0 and false are values', async t => {
  t.strictSame(targetOf({ undiciOptions: undefined, pool: undefined, inspector: undefined, retry: undefined }), DEFAULTS)
  const gone = { undiciOptions: { connections: undefined, connect: undefined }, pool: { maxPending: undefined }, retry: { stale: undefined }, inspector: { trialInterval: undefined } }
  t.strictSame(targetOf(gone, { undiciOptions: { connections: 3 } }), { ...DEFAULTS, undiciOptions: { ...DEFAULTS.undiciOptions, connections: 3 } })
  t.match(targetOf({ pool: { maxPending: 0, connectRetry: 0 }, retry: { stale: false } }), { pool: { maxPending: 0, connectRetry: 0 }, retry: { stale: false } })
  t.equal(resolveRouteOptions({ earlyHints: true }, { earlyHints: false }).earlyHints, false)
  t.equal(resolveRouteOptions({ responseBuffer: 9 }, { responseBuffer: 0 }).responseBuffer, 0)
  t.equal(resolveRouteOptions({ responseBuffer: 9 }, { responseBuffer: undefined }).responseBuffer, 9)
})

t.test('the inspector is off if the last layer says false', async t => {
  const on = { closesBeforeTeardown: 9 }
  t.equal(targetOf({ inspector: false }).inspector, false)
  t.equal(targetOf({}, { inspector: false }).inspector, false)
  t.equal(targetOf({ inspector: false }, { inspector: on }).inspector, false)
  t.strictSame(targetOf({ inspector: on }, { inspector: false }).inspector, { closesBeforeTeardown: 9, trialInterval: 30_000 })
})

t.test('keepAliveMaxTimeout is keepAliveTimeout by default', async t => {
  t.equal(targetOf({ undiciOptions: { keepAliveTimeout: 5_000 } }).undiciOptions.keepAliveMaxTimeout, 5_000)
  t.equal(targetOf({ undiciOptions: { keepAliveTimeout: 5_000 } }, { undiciOptions: { keepAliveMaxTimeout: 9_000 } }).undiciOptions.keepAliveMaxTimeout, 9_000)
})

t.test('a target with any part of a TLS identity takes no part of the gateway\'s', async t => {
  const gateway: ConnectOptions = { ca: CA, ...CLIENT, servername: 'name', rejectUnauthorized: false, minVersion: 'TLSv1.2', timeout: 9, family: 4 }
  t.strictSame(connectOf(undefined, gateway), { ...gateway })
  t.strictSame(connectOf({ timeout: 5 }, gateway), { ...gateway, timeout: 5 }, 'a time is no identity')
  const identities: ConnectOptions[] = [
    { ca: OTHER_CA }, SERVER, { servername: 'x' }, { rejectUnauthorized: true }, { secureContext: createSecureContext({}) }, { passphrase: 'x' },
    { minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.3' }, { ciphers: 'TLS_AES_128_GCM_SHA256' }, { sigalgs: 'ECDSA+SHA256' }, { ecdhCurve: 'P-256' },
    { checkServerIdentity: () => undefined }, { pskCallback: () => null }, { minDHSize: 2_048 }, { secureOptions: 0 }, { session: Buffer.from('x') }, { ALPNProtocols: ['x'] } as ConnectOptions
  ]
  for (const own of identities) t.strictSame(connectOf(own, gateway), { timeout: 9, family: 4, rejectUnauthorized: true, ...own }, Object.keys(own).join())
  t.strictSame(connectOf({ ca: undefined }, gateway), { ...gateway }, 'undefined is no identity')
})

t.test('a gateway\'s SecureContext does not override a route\'s certificate', async t => {
  const gateway = { secureContext: createSecureContext({}) }
  t.strictSame(connectOf(CLIENT, gateway), { timeout: 3_000, rejectUnauthorized: true, ...CLIENT })
})

t.test('a connect function stands alone', async t => {
  const connect = (): void => {}
  const options = { connect } as unknown as NonNullable<TargetOptions['undiciOptions']>
  t.equal(targetOf({}, { undiciOptions: options }).undiciOptions.connect, connect)
  t.equal(targetOf({ undiciOptions: options }, { undiciOptions: { connect: { ca: CA } } }).undiciOptions.connect, connect)
  t.strictSame({ ...targetOf({ undiciOptions: { connect: { ca: CA } } }, { undiciOptions: options }).undiciOptions.connect }, { timeout: 3_000, rejectUnauthorized: true, ca: CA })
})

t.test('given options are not changed, and resolved options are frozen', async t => {
  const gateway: TargetOptions = Object.freeze({ undiciOptions: Object.freeze({ connect: Object.freeze({ ca: CA }) }), pool: Object.freeze({}) })
  const route: TargetOptions = Object.freeze({ undiciOptions: Object.freeze({ connect: Object.freeze({ ...CLIENT }) }), retry: Object.freeze({}) })
  const resolved = targetOf(route, gateway)
  for (const group of [resolved, resolved.undiciOptions, resolved.pool, resolved.inspector, resolved.retry, resolveRouteOptions({}, {})]) t.ok(Object.isFrozen(group))
})

t.test('settings are the same by value', async t => {
  t.ok(sameTargetOptions(targetOf(), targetOf({ undiciOptions: { connections: 128 } })))
  t.ok(sameTargetOptions(targetOf({ undiciOptions: { connect: { ca: [CA, OTHER_CA] } } }), targetOf({ undiciOptions: { connect: { ca: [CA, OTHER_CA] } } })))
  t.notOk(sameTargetOptions(targetOf(), targetOf({ undiciOptions: { connections: 129 } })))
  t.notOk(sameTargetOptions(targetOf({ undiciOptions: { connect: { ca: CA } } }), targetOf({ undiciOptions: { connect: { ca: OTHER_CA } } })))
})

t.test('connections are kept unless keepAliveTimeout or pipelining is 0', async t => {
  t.ok(keepsAlive(targetOf()))
  t.notOk(keepsAlive(targetOf({ undiciOptions: { keepAliveTimeout: 0 } })))
  t.notOk(keepsAlive(targetOf({ undiciOptions: { pipelining: 0 } })))
})

t.test('options from JSON cannot change a prototype', async t => {
  const parse = (text: string): TargetOptions & RouteOptions => JSON.parse(text) as TargetOptions & RouteOptions
  for (const name of ['__proto__', 'constructor', 'prototype']) {
    const evil = `{"${name}": {"connections": 1, "polluted": true}}`
    const options = parse(`{"${name}": {"pool": {"maxPending": 1}, "bodyLimit": 1}, "undiciOptions": {"${name}": {"connections": 1}, "connect": ${evil}}, "pool": ${evil}, "retry": ${evil}, "inspector": ${evil}}`)
    for (const resolved of [targetOf(options), targetOf({}, options)]) {
      t.strictSame(resolved, DEFAULTS, name)
      for (const group of [resolved, resolved.undiciOptions, resolved.undiciOptions.connect, resolved.pool]) {
        t.equal(Object.getPrototypeOf(group), Object.prototype, name)
        t.notOk(Object.hasOwn(group, name), name)
      }
    }
    t.strictSame({ ...resolveRouteOptions(options, {}) }, ROUTE_DEFAULTS, name)
  }
  t.equal(({} as Record<string, unknown>)['polluted'], undefined)
})

t.test('an option writes "no limit" in one form, and says so', async t => {
  const takesInfinity = TABLE.filter(({ path, kind }) => {
    if (kind.type !== 'number') return false
    try {
      kind.check?.(Infinity, path)
      return kind.check !== undefined
    } catch {
      return false
    }
  })
  t.ok(takesInfinity.length > 2, `${takesInfinity.length} options take Infinity`)
  for (const { path, zero, more } of takesInfinity) {
    t.not(zero, 'no limit', path)
    t.match(more, /`Infinity`: no limit\./, path)
  }
})

t.test('a row has a default or a text in its place, not both', async t => {
  t.same(TABLE.filter(row => row.default !== undefined && row.defaultText !== undefined).map(({ path }) => path), [])
})
