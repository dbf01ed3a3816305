import type { TargetOptions } from '../../src/options/option-types.js'
import type { Case, TargetCase } from './subjects.js'

/** For each rule: cases in which it fires, and close cases in which it must not. */
export interface RuleCases { readonly fires: readonly Case[], readonly silent: readonly Case[] }

const set = (options: TargetOptions, target: TargetCase = {}): Case => ({ targets: [{ ...target, options }] })
const pool = (options: TargetOptions['pool'], target?: TargetCase): Case => set({ pool: options }, target)
const undici = (options: TargetOptions['undiciOptions'], target?: TargetCase): Case => set({ undiciOptions: options }, target)
const measured = (report: TargetCase['measured'], options: TargetOptions = {}): Case => set(options, { measured: report })
const route = (...routes: NonNullable<TargetCase['routes']>): TargetCase => ({ routes })

const LIST = ['https://10.0.0.1:3000', 'https://10.0.0.2:3000', 'https://10.0.0.3:3000']
const LOST = { unreachable: 'The backend could not be reached (ECONNREFUSED)' }
const SECRET = 'SECRET-OF-32-BYTES-OR-SO-AND-MORE'
/** A target of three endpoints. */
const several = (options: TargetOptions, target: TargetCase = {}): Case => set(options, { upstream: LIST, ...target })

const FRONT = { frontTimeout: 60_000, frontIdle: 60_000 }
const TWO_POOLS: TargetCase[] = [{ routes: [{ prefix: '/a' }] }, { name: 'https://users.internal:3000 /b', options: { undiciOptions: { connections: 2 } }, routes: [{ prefix: '/b' }] }]

export const CASES: Record<string, RuleCases> = {
  'keep-alive-off': {
    fires: [undici({ keepAliveTimeout: 0 }), undici({ pipelining: 0 }), undici({ keepAliveTimeout: 0 }, { origin: null })],
    silent: [undici({ keepAliveTimeout: 1_000, pipelining: 1 })]
  },
  'single-use-connections': {
    fires: [pool({ maxRequestsPerConnection: 1 })],
    silent: [pool({ maxRequestsPerConnection: 0 }), set({ pool: { maxRequestsPerConnection: 1 }, undiciOptions: { keepAliveTimeout: 0 } })]
  },
  'tls-unverified': {
    fires: [undici({ connect: { rejectUnauthorized: false } }), undici({ connect: { rejectUnauthorized: false } }, { origin: null })],
    silent: [undici({ connect: { rejectUnauthorized: true } }), undici({ connect: { rejectUnauthorized: false } }, { origin: 'http://users.internal' })]
  },
  'few-requests-a-connection': {
    fires: [pool({ maxRequestsPerConnection: 2 }), pool({ maxRequestsPerConnection: 19 })],
    silent: [pool({ maxRequestsPerConnection: 1 }), pool({ maxRequestsPerConnection: 20 })]
  },
  'brief-connection-age': {
    fires: [pool({ maxConnectionAge: 9_999 })],
    silent: [pool({ maxConnectionAge: 0 }), pool({ maxConnectionAge: 10_000 })]
  },
  'seconds-for-milliseconds': {
    fires: [undici({ keepAliveTimeout: 60 }), undici({ headersTimeout: 30 }), undici({ bodyTimeout: 30 }), undici({ keepAliveMaxTimeout: 60 })],
    silent: [undici({ keepAliveTimeout: 0, headersTimeout: 0 }), undici({ keepAliveTimeout: 100, headersTimeout: 100 })]
  },
  'connections-unbounded': { fires: [undici({ connections: Infinity })], silent: [undici({ connections: 100_000 })] },
  'pending-unbounded': { fires: [pool({ maxPending: Infinity })], silent: [pool({ maxPending: 0 })] },
  'upgraded-unbounded': {
    fires: [pool({ maxUpgraded: Infinity }, route({ upgradable: true }))],
    silent: [pool({ maxUpgraded: Infinity }), pool({ maxUpgraded: 9 }, route({ upgradable: true }))]
  },
  'dials-unpaced': {
    fires: [set({ undiciOptions: { connections: 64 }, pool: { maxDials: 64 } })],
    silent: [undici({ connections: 4 }), pool({ maxDials: 127 })]
  },
  'hint-cut-short': {
    fires: [undici({ keepAliveMaxTimeout: 5_000 })],
    silent: [undici({ keepAliveTimeout: 5_000 }), undici({ keepAliveMaxTimeout: 600_000 })]
  },
  'hint-without-margin': {
    fires: [undici({ keepAliveTimeoutThreshold: 0 })],
    silent: [undici({ keepAliveTimeoutThreshold: 1 }), undici({ keepAliveTimeoutThreshold: 0, keepAliveTimeout: 0 })]
  },
  'stale-retry-off': { fires: [set({ retry: { stale: false } })], silent: [set({ retry: { stale: false }, undiciOptions: { pipelining: 0 } })] },
  'inspector-off': { fires: [set({ inspector: false })], silent: [set({ inspector: false, undiciOptions: { keepAliveTimeout: 0 } })] },
  'connect-function': { fires: [undici({ connect: () => {} })], silent: [undici({ connect: { timeout: 1_000 } })] },
  'headers-timeout-off': {
    fires: [undici({ headersTimeout: 0 }, route({ options: { totalTimeout: 1_000 } }, {}))],
    silent: [undici({ headersTimeout: 0 }, route({ options: { totalTimeout: 1_000 } }))]
  },
  'body-timeout-off': {
    fires: [undici({ bodyTimeout: 0 })],
    silent: [undici({ bodyTimeout: 0 }, route({ options: { totalTimeout: 1_000 } }))]
  },
  'client-body-timeout-off': {
    fires: [{ targets: [route({ options: { clientBodyTimeout: 0 } })] }],
    silent: [{ targets: [route({ options: { clientBodyTimeout: 0, totalTimeout: 1_000 } })] }, { targets: [route({ options: { clientBodyTimeout: 0 } })], server: { requestTimeout: 60_000 } }]
  },
  'tunnel-idle-timeout-off': {
    fires: [{ targets: [route({ options: { tunnelIdleTimeout: 0 }, upgradable: true })] }],
    silent: [{ targets: [route({ options: { tunnelIdleTimeout: 0 } }, { upgradable: true })] }]
  },
  'one-connection': {
    fires: [undici({ connections: 1 }, route({ prefix: '/a' }, { prefix: '/b' })), several({ pool: { maxConnections: 1 } }, route({}, {}))],
    silent: [undici({ connections: 1 }), undici({ connections: 2 }, route({}, {})), several({ undiciOptions: { connections: 1 } }, route({}, {}))]
  },
  'connect-timeout-long': {
    fires: [undici({ connect: { timeout: 60_000 } }), undici({ headersTimeout: 500 })],
    silent: [undici({ connect: { timeout: 60_000 }, headersTimeout: 0 }), undici({ connect: { timeout: 3_000 }, headersTimeout: 3_000 })]
  },
  'dns-not-followed': {
    fires: [pool({ maxConnectionAge: 0 }), pool({ maxConnectionAge: 0 }, { upstream: ['https://10.0.0.1', 'https://users-b.internal'] })],
    silent: [
      pool({ maxConnectionAge: 0 }, { upstream: LIST }), pool({ maxConnectionAge: 0 }, { upstream: 'dns+https://users.internal:3000' }),
      pool({ maxConnectionAge: 0 }, { origin: 'http://10.0.0.1' }), pool({ maxConnectionAge: 0 }, { origin: 'http://[::1]:8080' }),
      pool({ maxConnectionAge: 0 }, { origin: 'http://localhost' }), pool({ maxConnectionAge: 0 }, { origin: null }),
      set({ pool: { maxConnectionAge: 0 }, undiciOptions: { socketPath: '/run/users.sock' } }), set({ pool: { maxConnectionAge: 0 }, undiciOptions: { keepAliveTimeout: 0 } })
    ]
  },
  'plain-http': {
    fires: [
      ...['http://api.example.com', 'http://8.8.8.8', 'http://172.32.0.1', 'http://[2001:db8::1]'].map(origin => ({ targets: [{ origin }] })),
      { targets: [{ upstream: ['http://10.0.0.1', 'http://8.8.8.8', 'http://8.8.4.4'] }] }, { targets: [{ upstream: 'dns+http://api.example.com' }] }
    ],
    silent: [
      { targets: [{ upstream: 'kubernetes+http://users.shop:http' }] }, { targets: [{ upstream: ['http://10.0.0.1', 'http://users.internal'] }] },
      ...['https://api.example.com', 'http://users', 'http://users.internal:3000', 'http://users.prod.svc.cluster.local', 'http://users.prod.svc', 'http://localhost:1',
        'http://127.8.8.8', 'http://10.1.2.3', 'http://172.31.0.1', 'http://192.168.0.9', 'http://100.64.1.1', 'http://[::1]', 'http://[fd00::1]', null].map(origin => ({ targets: [{ origin }] }))
    ]
  },
  'ejection-by-clients': {
    fires: [set({ ejection: { statuses: [503, 404] } }), several({ ejection: { statuses: [429] } }), set({ ejection: { statuses: [200] } })],
    silent: [set({ ejection: { statuses: [500, 503] } }), set({ ejection: {} }), set({ ejection: false })]
  },
  'ejection-off': {
    fires: [several({ ejection: false }), several({ ejection: { maxEjected: 0 } }), set({ ejection: false }, { upstream: 'dns+https://users.internal' })],
    silent: [set({ ejection: false }), several({ ejection: false, healthCheck: { path: '/health' } }), several({ ejection: { maxEjected: 0.1 } })]
  },
  'ejection-of-all': {
    fires: [several({ ejection: { maxEjected: 1 } })],
    silent: [set({ ejection: { maxEjected: 1 } }), several({ ejection: { maxEjected: 0.9 } }), several({ ejection: false })]
  },
  'slow-start-outlasts-ejection': {
    fires: [several({ slowStart: 10_001 }), several({ slowStart: 5_000, ejection: { time: 4_000 } })],
    silent: [several({ slowStart: 10_000 }), several({ slowStart: 60_000, ejection: false }), set({ slowStart: 60_000 })]
  },
  'slow-start-with-hash': {
    fires: [several({ slowStart: 5_000, balance: 'hash', affinity: { ip: true } })],
    silent: [several({ slowStart: 5_000 }), several({ balance: 'hash', affinity: { ip: true } })]
  },
  'affinity-without-hash': {
    fires: [several({ affinity: { ip: true } }), several({ affinity: { header: 'X-User' }, balance: 'round-robin' })],
    silent: [several({ affinity: { ip: true }, balance: 'hash' }), several({ affinity: { cookie: 'at', secret: SECRET } }), set({ affinity: { ip: true } }), several({ affinity: false })]
  },
  'affinity-of-the-front': {
    fires: [
      { ...several({ affinity: { ip: true }, balance: 'hash' }), around: { frontIdle: 60_000 } },
      { ...several({ affinity: { ip: true }, balance: 'hash' }), around: FRONT, server: { trustProxy: 1 } }
    ],
    silent: [
      several({ affinity: { ip: true }, balance: 'hash' }), { ...several({ affinity: { header: 'x-user' }, balance: 'hash' }), around: FRONT },
      { ...several({ affinity: { ip: true }, balance: 'hash' }), around: FRONT, server: { trustProxy: '10.0.0.0/8' } },
      { ...set({ affinity: { ip: true }, balance: 'hash' }), around: FRONT }
    ]
  },
  'one-endpoint': {
    fires: [
      set({ balance: 'round-robin' }), set({ slowStart: 5_000 }, { origin: 'http://10.0.0.1' }), set({ ejection: { failures: 3 } }), set({ ejection: false }),
      set({ affinity: { cookie: 'at', secret: SECRET } }), set({ balance: 'hash', affinity: { ip: true } }, { upstream: [{ url: 'https://10.0.0.1', weight: 2 }] }),
      { targets: [{ options: { slowStart: 5_000 } }, { upstream: LIST, options: { slowStart: 4_000 } }] }
    ],
    silent: [
      several({ balance: 'round-robin' }), set({ slowStart: 5_000 }, { upstream: 'dns+https://users.internal' }), set({ ejection: { failures: 5 } }),
      set({ slowStart: 5_000 }, { origin: null }), set({ healthCheck: { path: '/health' } }),
      { targets: [{ options: { slowStart: 5_000 } }, { upstream: LIST, options: { slowStart: 5_000 } }] }
    ]
  },
  'fewer-connections-than-endpoints': {
    fires: [several({ pool: { maxConnections: 2 } })],
    silent: [several({ pool: { maxConnections: 3 } }), pool({ maxConnections: 1 }), pool({ maxConnections: 1 }, { upstream: 'dns+https://users.internal' })]
  },
  'front-answers-first': {
    fires: [{ ...undici({ headersTimeout: 60_000 }), around: FRONT }, { ...undici({ headersTimeout: 0 }), around: FRONT }],
    silent: [undici({ headersTimeout: 0 }), { around: FRONT }, { ...undici({ headersTimeout: 0 }, route({ options: { totalTimeout: 50_000 } })), around: FRONT }]
  },
  'front-answers-first-under-load': {
    fires: [{ around: { frontTimeout: 58_000 } }, { ...undici({ headersTimeout: 55_000 }), around: FRONT }, { ...pool({ maxPending: 0 }), around: { frontTimeout: 53_000 } }],
    silent: [
      { around: FRONT }, { around: { frontTimeout: 58_001 } }, { ...pool({ maxPending: 0 }), around: { frontTimeout: 53_001 } }, { ...undici({ headersTimeout: 60_000 }), around: FRONT },
      { targets: [route({ options: { totalTimeout: 57_000 } })], around: { frontTimeout: 58_000 } }
    ]
  },
  'server-cuts-first': {
    fires: [{ server: { connectionTimeout: 30_000 } }, { ...undici({ bodyTimeout: 0 }), server: { connectionTimeout: 60_000 } }],
    silent: [{ server: { connectionTimeout: 60_000 } }, { server: { connectionTimeout: undefined } }]
  },
  'front-outlives-server': {
    fires: [{ server: { keepAliveTimeout: 5_000 }, around: FRONT }, { server: { keepAliveTimeout: 60_000 }, around: FRONT }],
    silent: [{ around: FRONT }, { server: { keepAliveTimeout: 0 }, around: FRONT }, { server: { keepAliveTimeout: 5_000 } }, { server: { keepAliveTimeout: undefined }, around: FRONT }]
  },
  'client-headers-timeout-off': {
    fires: [{ server: { headersTimeout: 0 } }],
    silent: [{ server: { headersTimeout: 0, requestTimeout: 60_000 } }, { server: { headersTimeout: undefined, requestTimeout: undefined } }]
  },
  'trusts-everybody': {
    fires: [{ server: { trustProxy: true } }],
    silent: [{ server: { trustProxy: ['10.0.0.0/8'] } }, { server: { trustProxy: undefined } }]
  },
  'trusts-nobody': {
    fires: [{ server: { trustProxy: 1 } }, { server: { trustProxy: 2 } }],
    silent: [{ server: { trustProxy: false } }, { server: { trustProxy: 0 } }, { server: { trustProxy: true } }, { server: { trustProxy: '10.0.0.1' } }, { server: { trustProxy: () => true } }, { server: { trustProxy: undefined } }]
  },
  'split-pools': {
    fires: [{ targets: TWO_POOLS }],
    silent: [{ targets: [TWO_POOLS[0]!, { ...TWO_POOLS[1], name: 'reports' }] }, { targets: [{}, { origin: 'https://orders.internal' }] }]
  },
  'backend-overrun': {
    fires: [
      { around: { backendMaxConnections: 100 } }, { around: { replicas: 2, backendMaxConnections: 255 } }, { targets: TWO_POOLS, around: { backendMaxConnections: 129 } },
      { ...undici({ connections: Infinity }), around: { backendMaxConnections: 1_000 } }, { targets: [route({ upgradable: true })], around: { backendMaxConnections: 1_000 } },
      { ...several({}), around: { backendMaxConnections: 127 } }, { ...set({}, { upstream: 'dns+https://users.internal' }), around: { backendMaxConnections: 127 } },
      { targets: [{ upstream: LIST }, { name: 'a', origin: 'https://10.0.0.2:3000' }], around: { backendMaxConnections: 128 } }
    ],
    silent: [
      { around: { replicas: 2, backendMaxConnections: 256 } }, { around: { replicas: 99 } }, { targets: TWO_POOLS, around: { backendMaxConnections: 130 } },
      { targets: [{ origin: null }], around: { backendMaxConnections: 1 } }, { ...several({}), around: { backendMaxConnections: 128 } },
      { ...several({ pool: { maxConnections: 60 } }), around: { replicas: 2, backendMaxConnections: 120 } }
    ]
  },
  unmanaged: {
    fires: [{ told: [{ route: '/a', id: 'unmanaged', found: 'http2 asks for another transport' }] }],
    silent: [{ told: [{ route: '/a', id: 'keep-alive-off', found: 'undiciOptions.pipelining: 0' }] }]
  },
  'option-ignored': {
    fires: [{ told: [{ route: '/a', id: 'option-ignored', found: 'retryMethods has no effect' }] }],
    silent: [{ told: [{ route: '/a', id: 'unmanaged', found: 'http2 asks for another transport' }] }]
  },
  unreachable: {
    fires: [measured(LOST), { targets: [{ upstream: LIST, endpoints: [LOST, LOST, LOST] }] }],
    silent: [measured({}), { targets: [{ upstream: LIST, endpoints: [LOST, {}, LOST] }] }]
  },
  'endpoints-unreachable': {
    fires: [{ targets: [{ upstream: LIST, endpoints: [{}, LOST, LOST] }] }],
    silent: [{ targets: [{ upstream: LIST, endpoints: [{}, {}, {}] }] }, { targets: [{ upstream: LIST, endpoints: [LOST, LOST, LOST] }] }, measured(LOST)]
  },
  'one-replica-reached': {
    fires: [
      { targets: [{ addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3'] }] }, { targets: [{ addresses: ['fd00::1', 'fd00::2', '10.0.0.1'] }] },
      { targets: [{ addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', 'fd00::1'] }] }
    ],
    silent: [{ targets: [{ addresses: ['10.0.0.1'] }] }, { targets: [{ addresses: ['127.0.0.1', '::1'] }] }, { targets: [{ addresses: [] }] }, measured({})]
  },
  'health-check-fails': {
    fires: [
      set({ healthCheck: { path: '/health' } }, { unhealthy: [{ address: 'users.internal:3000', cause: '404' }] }),
      several({ healthCheck: { path: '/health' } }, { unhealthy: [1, 2, 3, 4].map(n => ({ address: `10.0.0.${n}:3000`, cause: 'no answer within 1000 ms' })) })
    ],
    silent: [set({ healthCheck: { path: '/health' } }, { unhealthy: [] }), set({ healthCheck: { path: '/health' } })]
  },
  'endpoints-differ': {
    fires: [{ targets: [{ upstream: LIST, endpoints: [{}, {}], differences: ['idle timeout: 5.00 s (a); 75.00 s (b)'] }] }],
    silent: [{ targets: [{ upstream: LIST, endpoints: [{}, {}] }] }, measured({})]
  },
  'idle-above-backend': {
    fires: [{ targets: [{ upstream: LIST, endpoints: [{}, { idleTimeoutMs: 5_000 }, LOST] }] },
      measured({ idleTimeoutMs: 5_000 }), measured({ idleTimeoutMs: 60_000 }), measured({}, { undiciOptions: { keepAliveTimeout: 75_000 } })],
    silent: [measured({}), measured({ idleTimeoutMs: null }), measured({ idleTimeoutMs: 5_000 }, { undiciOptions: { keepAliveTimeout: 4_000 } }),
      measured({ idleTimeoutMs: 5_000, hint: { timeoutMs: 5_000, max: null } }), measured({ idleTimeoutMs: 5_000 }, { undiciOptions: { pipelining: 0 } }),
      { targets: [{ upstream: LIST, endpoints: [{}, LOST] }] }]
  },
  'hint-untrue': {
    fires: [measured({ idleTimeoutMs: 2_000, hint: { timeoutMs: 30_000, max: null } })],
    silent: [measured({ idleTimeoutMs: 4_996, hint: { timeoutMs: 5_000, max: 100 } }), measured({ idleTimeoutMs: 2_000 }),
      measured({ idleTimeoutMs: 2_000, hint: { timeoutMs: 30_000, max: null } }, { undiciOptions: { keepAliveMaxTimeout: 1_000 } })]
  },
  'hint-below-threshold': {
    fires: [measured({ hint: { timeoutMs: 1_000, max: null } })],
    silent: [measured({ hint: { timeoutMs: 2_000, max: null } }), measured({ hint: { timeoutMs: 1_000, max: null } }, { undiciOptions: { keepAliveTimeoutThreshold: 500 } })]
  },
  'backend-not-persistent': {
    fires: [measured({ persistent: false })],
    silent: [measured({ persistent: null }), measured({ persistent: false }, { inspector: false })]
  },
  'close-uninspected': {
    fires: [measured({ persistent: false }, { inspector: false })],
    silent: [measured({}, { inspector: false }), measured({ persistent: false }), measured({ persistent: false }, { inspector: false, undiciOptions: { keepAliveTimeout: 0 } })]
  },
  'request-limit-unannounced': {
    fires: [
      measured({ requestsPerConnection: 100, recommended: { undiciOptions: {}, pool: { maxRequestsPerConnection: 100 } } }),
      measured({ requestsPerConnection: 100, recommended: { undiciOptions: {}, pool: { maxRequestsPerConnection: 100 } } }, { pool: { maxRequestsPerConnection: 101 } })
    ],
    silent: [measured({ requestsPerConnection: 100 }), measured({ requestsPerConnection: 100, recommended: { undiciOptions: {}, pool: { maxRequestsPerConnection: 100 } } }, { pool: { maxRequestsPerConnection: 100 } })]
  },
  'connect-slow': {
    fires: [measured({ connectMs: 751 }), measured({ connectMs: 400, tlsMs: 400 })],
    silent: [measured({ connectMs: 750 }), measured({ connectMs: null }), measured({ connectMs: 751 }, { undiciOptions: { connect: { timeout: 6_000 } } })]
  },
  'head-closes': {
    fires: [measured({ headReuses: false })],
    silent: [measured({ headReuses: null }), measured({ persistent: false, headReuses: false })]
  },
  'via-stops-compression': {
    fires: [measured({ viaStopsCompression: true }), measured({ persistent: false, viaStopsCompression: true }), { targets: [{ ...route({ options: { via: false } }, {}), measured: { viaStopsCompression: true } }] }],
    silent: [measured({ viaStopsCompression: null }), measured({ viaStopsCompression: false }), { targets: [{ ...route({ options: { via: false } }), measured: { viaStopsCompression: true } }] }]
  }
}
