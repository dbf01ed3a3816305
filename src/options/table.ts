import { AFFINITY, CHECK_PATH, CHECK_STATUS, NAME_SERVERS, ORIGIN, SHARE, STATUSES } from './endpoint-kinds.js'
import {
  BYTES, BYTES_ABOVE_ZERO, BYTES_A_SECOND, COUNT, COUNT_ABOVE_ZERO, COUNT_ABOVE_ZERO_OR_INFINITY, COUNT_OR_INFINITY, FLAG, FUNCTION, HOST,
  HOST_PATTERNS, IP_ADDRESS, MASKED_NAMES, OBJECT, OBJECT_OR_FUNCTION, PATH, PORT,
  STRING, STRINGS, TEXT, TIME, TIME_ABOVE_ZERO, TOKEN, inUnit, oneOf, whole
} from './kinds.js'
import type { Kind } from './kinds.js'
import { LONGEST_TIMER } from './timer.js'

/**
 * One option. This table is the only place where an option is declared: checks, defaults, the option types that editors show, docs/options.md, the
 * README's table, holdfast.schema.json, what the admin API may change, and the names of `@fastify/http-proxy` are all made from it.
 * After a change: `npm run made`.
 *
 * How "no limit" is written depends on the kind of option, and an option takes one form only:
 *
 * - 0 for a time, a size, a rate, and the requests of one connection, as undici and Node write it (`headersTimeout`,
 *   `maxRequestsPerConnection`). `zero` says so.
 * - `Infinity` for a count of what exists or waits at once (`connections`, `maxPending`, `maxUpgraded`): there 0 is a limit, or is refused.
 *   The kind is one of those that end in `OR_INFINITY`, and `more` says so.
 * - `maxResponseSize` is left out. undici writes -1 there; 0 and `Infinity` are refused.
 */
export interface OptionRow {
  /** Its name, with the groups that it stands in: `pool.maxDials`. */
  readonly path: string
  readonly kind: Kind
  /** Who takes it. `gateway and route`: a route's value is used in place of the gateway's. */
  readonly place: 'gateway and route' | 'gateway' | 'route'
  /** It stands in no group, and is a setting of the target, not of the route. */
  readonly ofTarget?: true
  /** The value that an option gets if it is not given. Absent: it stays undefined. */
  readonly default?: unknown
  /** The default as docs and editors show it, for a row without `default`: another option, the code that uses the option, or Node decides. */
  readonly defaultText?: string
  readonly required?: true
  /** What 0 means; absent where 0 is a quantity like any other, or is refused. */
  readonly zero?: string
  /** Whether `target.update()` changes it while the target runs; `admin`: and the admin API too. Absent: it holds until the app closes. */
  readonly live?: 'code' | 'admin'
  /** A change closes the connections that were made before it. */
  readonly reconnects?: true
  /** What it is called elsewhere, by system; `also`: names that people try. */
  readonly elsewhere?: Readonly<Record<string, string | readonly string[]>>
  /** The variable of the microservice's environment that sets it. */
  readonly variable?: string
  /** One line: what it does. */
  readonly text: string
  /** What a user has to know besides. */
  readonly more?: string
  /** Whether the README's short table has it. */
  readonly common?: true
  /** An option of `@fastify/http-proxy` that `proxy` takes with its meaning there; `ignored`: one that has no effect. */
  readonly httpProxy?: 'taken' | 'ignored'
}

/** Options that are given together, as the members of one object. */
export interface OptionGroup {
  /** Its name: '' for the options that are in none. */
  readonly path: string
  readonly place: OptionRow['place']
  /** The settings of a target that stand in no group. */
  readonly ofTarget?: true
  /** The name of its type. */
  readonly type: string
  /** What its type extends. */
  readonly base?: string
  /** A group that `false` switches off. */
  readonly orFalse?: true
  readonly text: string
}

const BOTH = { place: 'gateway and route' } as const
const GATEWAY = { place: 'gateway' } as const
const ROUTE = { place: 'route' } as const
const ADMIN = { ...BOTH, live: 'admin' } as const
const ENDPOINTS = { ...BOTH, ofTarget: true } as const
const DIAL = { ...BOTH, live: 'code', reconnects: true } as const

const TAKEN = { ...ROUTE, httpProxy: 'taken' } as const
const WEBSOCKET_CLIENT = {
  ...TAKEN, kind: { type: 'object' }, text: 'Chooses http-proxy\'s own WebSocket client, unmanaged.'
} as const
const OTHER_TRANSPORT = { ...TAKEN, text: 'Another transport: the route is http-proxy\'s as it stands, unmanaged.' } as const

// Most load balancers give up after 60 s. Below that, the client sees the gateway's answer.
const PAUSE = 55_000
// The waits for a connection (5 s) and for its dial (3 s) come before this one; together they have to be below the 60 s too.
const ANSWER_TIMEOUT = 50_000

const CONNECT: Kind = { ...OBJECT_OR_FUNCTION, type: 'ConnectOptions | ConnectFunction' }
// src/options/check-connect.ts checks it, with what belongs to it.
const pem = (name: string): Kind => ({ type: `ConnectionOptions['${name}']`, schema: { type: ['string', 'array', 'null'] } })
// src/options/upstream.ts checks it.
const URL_TEXT: Kind = { type: 'string', schema: { type: 'string' } }
const LIST = {
  type: 'array',
  minItems: 1,
  items: {
    anyOf: [
      { type: 'string' },
      {
        type: 'object',
        properties: {
          url: { type: 'string' },
          weight: { type: 'number', exclusiveMinimum: 0 },
          priority: { type: 'integer', minimum: 0 },
          leaving: { type: 'boolean' },
          zone: { type: 'string' },
          group: { type: 'string' }
        },
        required: ['url'],
        additionalProperties: false
      }
    ]
  }
}
// src/discovery/read-upstream.ts checks it.
const UPSTREAM_OPTION: Kind = {
  type: 'UpstreamOption',
  schema: {
    anyOf: [
      { type: 'string' },
      LIST,
      {
        type: 'object',
        properties: { origin: { type: 'string' }, endpoints: LIST },
        required: ['origin', 'endpoints'],
        additionalProperties: false
      }
    ]
  }
}
const PRESSURE: Kind = {
  type: 'FastifyUnderPressureOptions | false',
  schema: { anyOf: [{ const: false }, { type: 'object' }] },
  check: (value, option) => { if (value !== false) OBJECT.check!(value, option) }
}
const RETRIES = 'a request is sent again only where it is known not to have been carried out, or safe to repeat; see the retry option'
const UPSTREAM = 'upstream names the backends of a route, or replyOptions.getUpstream does'

export const GROUPS: readonly OptionGroup[] = [
  {
    path: 'undiciOptions', ...BOTH, type: 'UndiciOptions',
    text: 'Connections and their times, under undici\'s names and with their meaning there. Source: undici, docs/api/Client.md and Pool.md.'
  },
  {
    path: 'undiciOptions.connect', ...BOTH, type: 'ConnectOptions', base: 'NodeConnectOptions',
    text: 'How connections are made: options of `net.connect` and `tls.connect`, as undici\'s `connect` takes them. Each connection of ' +
      'a target is made with them.'
  },
  { path: 'pool', ...BOTH, type: 'PoolOptions', text: 'Limits of a target\'s pool that undici has no name for.' },
  {
    path: 'inspector', ...BOTH, type: 'InspectorOptions', orFalse: true,
    text: 'How a backend that does not keep connections open is recognised; `false`: not at all.'
  },
  { path: 'retry', ...BOTH, type: 'RetryOptions', text: 'When a request that got no answer is sent again.' },
  { path: '', ...ENDPOINTS, type: 'EndpointOptions', text: 'Which endpoint of a target gets a request.' },
  {
    path: 'ejection', ...BOTH, type: 'EjectionOptions', orFalse: true,
    text: 'When an endpoint that fails gets no requests for a while; `false`: never. Failures are refused and failed dials, responses ' +
      'that do not begin in `headersTimeout`, and fresh connections that are lost before the first byte of a response. A reused ' +
      'connection that turns out to be closed is none, and neither is what a client ends.'
  },
  {
    path: 'healthCheck', ...BOTH, type: 'HealthCheckOptions', orFalse: true,
    text: 'Requests of the gateway\'s own that ask each endpoint whether it serves, each over a connection of its own; not given, or ' +
      '`false`: none.'
  },
  { path: 'discovery', ...BOTH, type: 'DiscoveryOptions', text: 'How endpoints are found that `upstream` does not list.' },
  {
    path: 'discovery.kubernetes', ...BOTH, type: 'KubernetesOptions',
    text: 'Where the API server of a cluster is, for `kubernetes+http:` and `kubernetes+https:`. Not given: as Kubernetes tells each pod, ' +
      'with the pod\'s service account.'
  },
  { path: '', ...BOTH, type: 'RouteOptions', text: 'What a route may set besides the settings of its target.' },
  { path: 'drain', ...GATEWAY, type: 'DrainOptions', text: 'How an app ends: what `app.close()` and `gateway.drain()` do.' },
  {
    path: 'metrics', ...GATEWAY, type: 'MetricsOptions',
    text: 'Where the public listener serves metrics, to every client that can reach it.'
  },
  { path: 'admin', ...GATEWAY, type: 'AdminOptions', text: 'Where the admin surface listens, and who may use it.' },
  { path: 'log', ...GATEWAY, type: 'LogOptions', text: 'What the log shows.' },
  { path: '', ...GATEWAY, type: 'WholeGatewayOptions', text: 'What belongs to the whole gateway.' },
  { path: '', ...ROUTE, type: 'WhereToOptions', text: 'Where a route leads.' }
]

export const TABLE: readonly OptionRow[] = [
  {
    path: 'undiciOptions.connections', kind: COUNT_ABOVE_ZERO_OR_INFINITY, ...ADMIN, default: 128, common: true, variable: 'CONNECTIONS',
    text: 'The most connections to one endpoint of the target: active, idle and connecting ones together.',
    more: '`Infinity`: no limit. One connection more, which carries no requests, may lie idle to see when the backend closes it.',
    elsewhere: { nginx: 'max_conns', HAProxy: 'maxconn', Envoy: 'max_connections', 'node:http': 'maxSockets', also: 'maxConnections' }
  },
  {
    // 60 s is Apigee's keepalive.timeout.millis. Most backends keep connections longer (nginx: 75 s), or say how long (Apache, Node).
    path: 'undiciOptions.keepAliveTimeout', kind: TIME, ...ADMIN, default: 60_000, common: true,
    zero: 'no keep-alive, which is warned about', variable: 'KEEP_ALIVE_TIMEOUT_MS',
    text: 'How long an idle connection is kept where the backend gives no hint.', more: 'What is learned of the backend shortens it.',
    elsewhere: {
      nginx: 'keepalive_timeout', HAProxy: 'pool-purge-delay', Envoy: 'idle_timeout', Kong: 'upstream_keepalive_idle_timeout',
      Apigee: 'keepalive.timeout.millis',
      'node:http': ['keepAlive', 'keepAliveMsecs'], also: ['keepaliveTimeoutMillis', 'idleTimeout']
    }
  },
  {
    path: 'undiciOptions.keepAliveMaxTimeout', kind: TIME_ABOVE_ZERO, ...ADMIN, defaultText: 'keepAliveTimeout',
    text: 'The longest idle time that a backend\'s `Keep-Alive` header can ask for.'
  },
  {
    path: 'undiciOptions.keepAliveTimeoutThreshold', kind: TIME, ...ADMIN, default: 1_000,
    text: 'Taken off the time that a `Keep-Alive` header says, and never more than half of it.',
    more: 'The backend\'s clock started earlier than the gateway\'s.'
  },
  {
    path: 'undiciOptions.headersTimeout', kind: TIME, ...ADMIN, default: ANSWER_TIMEOUT, common: true, zero: 'no limit',
    variable: 'HEADERS_TIMEOUT_MS',
    text: 'From the last byte of a request to the head of its response; then 504.',
    elsewhere: {
      nginx: 'proxy_read_timeout', HAProxy: 'timeout server', Kong: 'read_timeout', Apigee: 'io.timeout.millis',
      also: ['requestTimeout', 'socketTimeout']
    }
  },
  {
    path: 'undiciOptions.bodyTimeout', kind: TIME, ...ADMIN, default: PAUSE, common: true, zero: 'no limit',
    variable: 'BODY_TIMEOUT_MS',
    text: 'Between two pieces of a response\'s body; then the client is cut off.',
    elsewhere: { nginx: 'proxy_read_timeout', HAProxy: 'timeout server', Apigee: 'io.timeout.millis', also: 'socketTimeout' }
  },
  {
    path: 'undiciOptions.connect', kind: CONNECT, ...DIAL,
    text: 'How connections are made: TLS and socket options, or a function with the shape of undici\'s connectors.',
    more: 'Certificates and keys are read when the route is registered and at `update()`; one that is cut, is no PEM, or does not ' +
      'belong to the other is refused. ' +
      'A route that sets any option of the TLS identity (`ca`, `cert`, `key`, `secureContext`, `servername`, `checkServerIdentity`, ' +
      '`minVersion` ...) takes none of the gateway\'s. ' +
      'A function, or a SecureContext, is compared by identity: targets share connections only where it is the same one. ' +
      'A function\'s dial fails where it calls back without a socket.',
    elsewhere: { also: 'tls' }
  },
  {
    // A lost SYN is sent again after 1 s, and after 3 s: this allows for one lost packet, and waiting longer seldom helps.
    path: 'undiciOptions.connect.timeout', kind: TIME_ABOVE_ZERO, ...DIAL, default: 3_000, common: true, variable: 'CONNECT_TIMEOUT_MS',
    text: 'Until a connection is made, TLS handshake included; then 504.',
    elsewhere: {
      nginx: 'proxy_connect_timeout', HAProxy: 'timeout connect', Envoy: 'connect_timeout', Kong: 'connect_timeout',
      Apigee: 'connect.timeout.millis', also: 'connectTimeout'
    }
  },
  {
    path: 'undiciOptions.connect.rejectUnauthorized', kind: FLAG, ...DIAL, default: true,
    text: 'Whether a certificate that no trusted authority has signed is refused.', more: '`false` is warned about.',
    elsewhere: { nginx: 'proxy_ssl_verify', HAProxy: 'verify', Kong: 'tls_verify' }
  },
  {
    path: 'undiciOptions.connect.ca', kind: pem('ca'), ...DIAL, defaultText: 'the authorities that Node trusts',
    text: 'The authorities whose certificates are trusted, in PEM.',
    elsewhere: { nginx: 'proxy_ssl_trusted_certificate', HAProxy: 'ca-file' }
  },
  {
    path: 'undiciOptions.connect.cert', kind: pem('cert'), ...DIAL,
    text: 'The gateway\'s own certificate, in PEM, with those of its issuers behind it.', more: 'It needs `key`.',
    elsewhere: { nginx: 'proxy_ssl_certificate', HAProxy: 'crt' }
  },
  {
    path: 'undiciOptions.connect.key', kind: pem('key'), ...DIAL, text: 'The private key of `cert`, in PEM.',
    more: 'With `passphrase` where it is encrypted.',
    elsewhere: { nginx: 'proxy_ssl_certificate_key' }
  },
  {
    path: 'undiciOptions.connect.servername', kind: STRING, ...DIAL, defaultText: 'the host of the upstream',
    text: 'The name in the TLS handshake (SNI), which the backend\'s certificate has to be for.',
    elsewhere: { nginx: 'proxy_ssl_name', HAProxy: 'sni' }
  },
  {
    path: 'undiciOptions.connect.maxCachedSessions', kind: whole(0, Number.MAX_SAFE_INTEGER), ...DIAL, defaultText: '0',
    zero: 'every handshake is a full one',
    text: 'TLS sessions that are kept, so that a later handshake can resume one.', elsewhere: { undici: 'maxCachedSessions' }
  },
  {
    path: 'undiciOptions.connect.autoSelectFamily', kind: FLAG, ...DIAL, defaultText: 'Node\'s',
    text: 'Whether the addresses of both families are tried, one after another (RFC 8305).',
    elsewhere: { undici: 'autoSelectFamily' }
  },
  {
    path: 'undiciOptions.connect.autoSelectFamilyAttemptTimeout', kind: inUnit('ms', whole(1, LONGEST_TIMER)), ...DIAL,
    defaultText: 'Node\'s',
    text: 'How long one address is tried before the next one.', elsewhere: { undici: 'autoSelectFamilyAttemptTimeout' }
  },
  {
    path: 'undiciOptions.connect.family', kind: oneOf([4, 6, 0], 'must be 4, 6, or 0 for both'), ...DIAL, defaultText: '0', zero: 'both',
    text: 'The family of addresses that a name is resolved to.'
  },
  {
    path: 'undiciOptions.connect.keepAliveInitialDelay', kind: { unit: 'ms', type: 'number', schema: { type: 'integer', minimum: 0 } },
    ...DIAL, defaultText: '60 000',
    text: 'How long a connection is silent before TCP asks whether its other end is still there.'
  },
  {
    path: 'undiciOptions.connect.lookup', kind: { ...FUNCTION, type: 'LookupFunction' }, ...DIAL, defaultText: 'dns.lookup',
    text: 'Resolves the upstream\'s name; it is asked at each dial.'
  },
  {
    path: 'undiciOptions.pipelining', kind: oneOf([0, 1], 'must be 1, or 0 for no keep-alive; requests are never pipelined'), ...BOTH,
    live: 'code', default: 1,
    zero: 'no keep-alive, which is warned about', text: 'Requests at a time on one connection.'
  },
  {
    path: 'undiciOptions.localAddress', kind: IP_ADDRESS, ...DIAL, defaultText: 'the system\'s choice',
    text: 'The IP address of this machine to connect from.',
    elsewhere: { nginx: 'proxy_bind', HAProxy: 'source' }
  },
  { path: 'undiciOptions.socketPath', kind: TEXT, ...DIAL, text: 'A unix socket to connect to in place of host and port.' },
  {
    path: 'undiciOptions.maxHeaderSize', kind: BYTES_ABOVE_ZERO, ...DIAL, defaultText: '16 384',
    text: 'The largest head of a response, and the largest trailers: names, values and reason; then 502.',
    more: 'What stands between them may be as large again.', elsewhere: { nginx: 'proxy_buffer_size', Envoy: 'max_response_headers_kb' }
  },
  {
    path: 'undiciOptions.maxResponseSize', kind: BYTES_ABOVE_ZERO, ...DIAL, defaultText: 'no limit',
    text: 'The largest body of a response; then 502, or the client is cut off.'
  },
  {
    path: 'pool.maxRequestsPerConnection', kind: COUNT, ...ADMIN, default: 0, zero: 'no limit',
    text: 'Requests after which a connection is closed.',
    elsewhere: {
      nginx: 'keepalive_requests', HAProxy: 'max-reuse', Envoy: 'max_requests_per_connection', Kong: 'upstream_keepalive_max_requests',
      undici: 'maxRequestsPerClient'
    }
  },
  {
    path: 'pool.maxConnectionAge', kind: TIME, ...ADMIN, default: 600_000, common: true, zero: 'no limit', variable: 'MAX_CONNECTION_AGE_MS',
    text: 'Age at which a connection takes no new request, with 10 % of jitter either way.',
    more: 'A change of DNS, or of a load balancer behind the name, is followed within it.',
    elsewhere: { nginx: 'keepalive_time', Envoy: 'max_connection_duration', undici: 'clientTtl' }
  },
  {
    path: 'pool.minIdle', kind: COUNT, ...ADMIN, default: 0,
    text: 'With at most this many idle connections, a request takes the one that has been idle longest.',
    more: 'Requests then use these connections in turn, so that low traffic can keep all of them open, and not only the most recently ' +
      'used one. ' +
      'The option opens no connections and changes no limit: a connection that has reached its idle limit is closed.'
  },
  {
    path: 'pool.maxPending', kind: COUNT_OR_INFINITY, ...ADMIN, default: 1_024, common: true, zero: 'never queue', variable: 'MAX_PENDING',
    text: 'Requests that may wait for a connection; beyond that, 503 with `Retry-After`.', more: '`Infinity`: no limit.',
    elsewhere: { HAProxy: 'maxqueue', Envoy: 'max_pending_requests' }
  },
  {
    path: 'pool.pendingTimeout', kind: TIME_ABOVE_ZERO, ...ADMIN, default: 5_000, common: true, variable: 'PENDING_TIMEOUT_MS',
    text: 'How long a request may wait for a connection; then 503.', elsewhere: { HAProxy: 'timeout queue' }
  },
  {
    path: 'pool.maxDials', kind: COUNT_ABOVE_ZERO, ...ADMIN, default: 8, text: 'Connections to one endpoint that are being made at once.',
    more: 'A backend that comes back is not met by a stampede.'
  },
  {
    path: 'pool.connectRetry', kind: TIME, ...ADMIN, default: 1_000, zero: 'not at all',
    text: 'How long a refused connection is tried again; then 502.', more: 'A process that restarts listens again within that.'
  },
  {
    path: 'pool.maxUpgraded', kind: COUNT_OR_INFINITY, ...ADMIN, default: 1_024, zero: 'no upgrades', variable: 'MAX_UPGRADED',
    text: 'The most upgraded connections to one endpoint (WebSocket and the like); beyond that, 503.', more: '`Infinity`: no limit.'
  },
  {
    path: 'pool.maxConnections', kind: COUNT_ABOVE_ZERO_OR_INFINITY, ...ADMIN, default: Infinity, variable: 'MAX_TARGET_CONNECTIONS',
    text: 'The most connections to all endpoints of the target together: active, idle and connecting ones.',
    more: '`Infinity`: no limit. `undiciOptions.connections` bounds those to one endpoint.'
  },
  {
    path: 'inspector.closesBeforeTeardown', kind: COUNT_ABOVE_ZERO, ...BOTH, default: 3,
    text: 'Connections in a row that the backend closes after their first response, before the pool is torn down.'
  },
  {
    path: 'inspector.trialInterval', kind: TIME_ABOVE_ZERO, ...BOTH, default: 30_000,
    text: 'How long a non-persistent backend is left alone before it is tried again, with jitter.',
    more: 'A backend that kept connections before is tried again after a second at most.'
  },
  {
    path: 'retry.stale', kind: FLAG, ...BOTH, default: true,
    text: 'Whether a request that died on a reused connection is sent again, once, where that is safe.'
  },
  {
    path: 'retry.replayLimit', kind: BYTES, ...BOTH, default: 65_536, zero: 'none is held',
    text: 'Request bodies up to this size are held, so that they can be sent again.'
  },
  {
    path: 'balance', ...ENDPOINTS, default: 'least-requests', variable: 'BALANCE',
    kind: oneOf(['least-requests', 'round-robin', 'hash'], 'is no policy; give \'least-requests\', \'round-robin\' or \'hash\''),
    text: 'How the endpoint for a request is chosen.',
    more: '`least-requests`: of two random ones, the one with fewer requests in flight for its weight. `round-robin`: in turn, by weight. ' +
      '`hash`: by the value that `affinity` names, a header or the client\'s address, so that requests with the same value go to the same ' +
      'endpoint unless it is too busy.',
    elsewhere: { HAProxy: 'balance', Envoy: 'lb_policy', also: ['loadBalancing', 'lb'] }
  },
  {
    path: 'affinity', kind: AFFINITY, ...ENDPOINTS, variable: 'AFFINITY',
    text: 'What makes two requests of one kind, so that they go to the same endpoint; `false`: none.',
    more: '`{ cookie, secret }`: the gateway sets a cookie of this name, which binds a client to an endpoint; the secret (at least 16 ' +
      'bytes; of a list, the first seals and all open) seals it, so that gateways with the same secret agree. `{ header }` and ' +
      '`{ ip: true }`: the value of a request header, or the client\'s address, with `balance: \'hash\'`.',
    elsewhere: { nginx: 'sticky', HAProxy: 'cookie', Envoy: 'hash_policy', also: ['stickySession', 'sessionAffinity'] }
  },
  {
    path: 'slowStart', kind: TIME, ...ENDPOINTS, default: 0, zero: 'its whole share at once',
    text: 'How long the share of a new endpoint grows, from a tenth to the whole of it.',
    elsewhere: { nginx: 'slow_start', HAProxy: 'slowstart', Envoy: 'slow_start_window' }
  },
  {
    path: 'ejection.failures', kind: COUNT_ABOVE_ZERO, ...BOTH, default: 5,
    text: 'Failures in a row after which an endpoint is ejected. Any response ends the row.',
    elsewhere: { nginx: 'max_fails', HAProxy: 'error-limit', Envoy: 'consecutive_5xx' }
  },
  {
    path: 'ejection.time', kind: TIME_ABOVE_ZERO, ...BOTH, default: 10_000,
    text: 'How long the first ejection lasts, with 10 % of jitter; then single requests try the endpoint.',
    more: 'Each one that follows soon is longer by this time. An endpoint that refuses connections is tried sooner, by dials.',
    elsewhere: { nginx: 'fail_timeout', Envoy: 'base_ejection_time' }
  },
  {
    path: 'ejection.maxTime', kind: TIME_ABOVE_ZERO, ...BOTH, default: 300_000,
    text: 'The longest time of one ejection.', more: 'At least `time`.', elsewhere: { Envoy: 'max_ejection_time' }
  },
  {
    path: 'ejection.maxEjected', kind: SHARE, ...BOTH, default: 0.5, zero: 'no failures eject',
    text: 'The share of a target\'s endpoints that may be ejected at once, from 0 to 1.',
    more: 'Of two or more, one may be in any case above 0; the last that serves never is.',
    elsewhere: { Envoy: 'max_ejection_percent' }
  },
  {
    path: 'ejection.statuses', kind: STATUSES, ...BOTH, default: [],
    text: 'Statuses of responses that count as failures.',
    more: 'Choose none that clients can provoke. With 503, a `Retry-After` of at most 10 s ejects for that time.',
    elsewhere: { nginx: 'proxy_next_upstream' }
  },
  {
    path: 'healthCheck.path', kind: CHECK_PATH, ...BOTH, variable: 'HEALTH_CHECK_PATH', defaultText: 'must be given, for the gateway or the route',
    text: 'What is asked for, by GET.', elsewhere: { HAProxy: 'option httpchk', Kong: 'http_path' }
  },
  {
    path: 'healthCheck.interval', kind: TIME_ABOVE_ZERO, ...BOTH, default: 10_000,
    text: 'From the beginning of one check to that of the next, with 10 % of jitter either way.', elsewhere: { HAProxy: 'inter' }
  },
  {
    path: 'healthCheck.timeout', kind: TIME_ABOVE_ZERO, ...BOTH, default: 1_000,
    text: 'From the dial to the status of the response; then the check has failed.', elsewhere: { HAProxy: 'timeout check' }
  },
  {
    path: 'healthCheck.rise', kind: COUNT_ABOVE_ZERO, ...BOTH, default: 2,
    text: 'Checks in a row that have to pass before an endpoint that failed gets requests again.',
    more: 'A new endpoint needs one.', elsewhere: { Envoy: 'healthy_threshold' }
  },
  {
    path: 'healthCheck.fall', kind: COUNT_ABOVE_ZERO, ...BOTH, default: 3,
    text: 'Checks in a row that have to fail before an endpoint gets no more requests.', elsewhere: { Envoy: 'unhealthy_threshold' }
  },
  {
    path: 'healthCheck.status', kind: CHECK_STATUS, ...BOTH, default: '2xx',
    text: 'The status that passes: a class like `2xx`, or one like `204`.', elsewhere: { HAProxy: 'http-check expect', Envoy: 'expected_statuses' }
  },
  {
    path: 'discovery.refresh', kind: TIME_ABOVE_ZERO, ...BOTH, default: 5_000, variable: 'DISCOVERY_REFRESH_MS',
    text: 'The longest time between an answer and the next question.', more: 'A DNS answer with a shorter TTL is asked for sooner.',
    elsewhere: { nginx: 'resolver ... valid=', Envoy: 'dns_refresh_rate' }
  },
  {
    path: 'discovery.hold', kind: TIME, ...BOTH, default: 30_000, zero: 'not at all',
    text: 'How long an endpoint is kept that DNS answers lack, while it serves.',
    more: 'DNS servers answer with parts of a list, or with old ones. One that refuses connections goes at once.',
    elsewhere: { HAProxy: 'hold obsolete' }
  },
  {
    path: 'discovery.servers', kind: NAME_SERVERS, ...BOTH, defaultText: 'those of resolv.conf',
    text: 'IP addresses of the name servers to ask, with or without a port.', elsewhere: { nginx: 'resolver', HAProxy: 'nameserver', Kong: 'dns_resolver' }
  },
  {
    path: 'discovery.kubernetes', kind: { ...OBJECT, type: 'KubernetesOptions' }, ...BOTH, defaultText: 'the pod\'s service account',
    text: 'Where the API server of a cluster is, and how it is asked.'
  },
  {
    path: 'discovery.kubernetes.url', kind: ORIGIN, ...BOTH, required: true,
    text: 'The API server, like `https://10.96.0.1:443`, or `http://127.0.0.1:8001` of `kubectl proxy`.'
  },
  {
    path: 'discovery.kubernetes.tokenFile', kind: TEXT, ...BOTH,
    text: 'A file with a bearer token; it is read for each request, since Kubernetes replaces it.'
  },
  {
    path: 'discovery.kubernetes.caFile', kind: TEXT, ...BOTH, defaultText: 'the authorities that Node trusts',
    text: 'A file with the certificates, in PEM, that the API server\'s has to be issued by; it is read for each request.'
  },
  {
    path: 'discovery.kubernetes.namespace', kind: TEXT, ...BOTH, text: 'The namespace of services that are named without one.'
  },
  {
    path: 'responseBuffer', kind: BYTES, ...BOTH, default: 262_144, zero: 'nothing is held',
    text: 'How much of a response is held, so that the backend is done before a slow client is.',
    elsewhere: { nginx: 'proxy_buffers' }
  },
  {
    path: 'bodyLimit', kind: BYTES, ...BOTH, default: 0, common: true, zero: 'no limit', variable: 'BODY_LIMIT',
    text: 'The largest body of a request; then 413.',
    elsewhere: { nginx: 'client_max_body_size' }
  },
  {
    path: 'totalTimeout', kind: TIME, ...BOTH, default: 0, common: true, zero: 'no limit', variable: 'TOTAL_TIMEOUT_MS',
    text: 'The whole exchange, from a request\'s head to the last byte of its response; then 504, or the client is cut off.'
  },
  {
    path: 'clientBodyTimeout', kind: TIME, ...BOTH, default: PAUSE, zero: 'no limit', variable: 'CLIENT_BODY_TIMEOUT_MS',
    text: 'For a request\'s body: in total until the backend is asked, then between two pieces; then 408.',
    elsewhere: { nginx: 'client_body_timeout' }
  },
  {
    // A byte now and then would hold a backend's connection for as long as its client likes.
    path: 'clientMinRate', kind: BYTES_A_SECOND, ...BOTH, default: 256, zero: 'no limit',
    text: 'The least rate of a request\'s body that streams, averaged over 10 s; below it, 408.',
    more: 'It counts while the next piece is waited for and the backend has not begun to answer.'
  },
  {
    path: 'tunnelIdleTimeout', kind: TIME, ...BOTH, default: 300_000, zero: 'no limit', variable: 'TUNNEL_IDLE_TIMEOUT_MS',
    text: 'How long an upgraded connection may be silent in both directions.', elsewhere: { HAProxy: 'timeout tunnel' }
  },
  {
    path: 'earlyHints', kind: FLAG, ...BOTH, default: false, text: 'Whether 103 responses are passed on.',
    more: 'Up to 16 for a request, and none while the client has not taken what was written before.',
    elsewhere: { nginx: 'early_hints' }
  },
  {
    // The header helps those who run the gateway; outsiders need not know how busy a backend is.
    path: 'proxyStatus', kind: FLAG, ...BOTH, default: false, common: true, variable: 'PROXY_STATUS',
    text: 'Say in each response, in a `Proxy-Status` header (RFC 9209), how its request travelled and why it failed.'
  },
  {
    path: 'via', kind: FLAG, ...BOTH, default: true, variable: 'VIA',
    text: 'Say in `Via` that a message has passed this gateway, to backends and to clients (RFC 9110 section 7.6.3).',
    more: 'Some servers compress nothing for a request that has one (nginx, unless `gzip_proxied` says otherwise). Loops are found by ' +
      '`CDN-Loop` too.'
  },
  {
    path: 'health', kind: FLAG, ...GATEWAY, default: false, common: true,
    text: 'Serve `/health/live` and `/health/ready` on the public port.', more: 'No target is named there.'
  },
  {
    path: 'maxHops', kind: COUNT_ABOVE_ZERO, ...GATEWAY, default: 8,
    text: 'How often a request may pass a Holdfast gateway, by `CDN-Loop` or `Via`; then 508.'
  },
  {
    path: 'maxDynamicTargets', kind: COUNT_ABOVE_ZERO, ...GATEWAY, default: 100,
    text: 'The most targets that `getUpstream` may make; beyond that, 503.'
  },
  {
    path: 'clientHeadersTimeout', kind: TIME, ...GATEWAY, defaultText: 'the server\'s own; Node\'s is 60 000', zero: 'no limit',
    text: 'How long a client may take for the head of a request; then 408.',
    elsewhere: { nginx: 'client_header_timeout', HAProxy: 'timeout http-request', Envoy: 'request_headers_timeout' }
  },
  {
    path: 'pressure', kind: PRESSURE, ...GATEWAY,
    defaultText: '{ maxEventLoopDelay: 1_000 }',
    text: 'Options of `@fastify/under-pressure`, which refuses requests while the process is overloaded; `false`: none.',
    more: 'An app that registers `@fastify/under-pressure` itself, before or after, has its own in place of it.'
  },
  {
    path: 'drain.delay', kind: TIME, ...GATEWAY, default: 0, variable: 'DRAIN_DELAY_MS',
    text: 'How long requests are served after readiness has said 503.'
  },
  {
    path: 'drain.deadline', kind: TIME, ...GATEWAY, default: 10_000, common: true, variable: 'DRAIN_DEADLINE_MS',
    text: 'How long `app.close()` may take, over HTTP/1 and HTTP/2; what is not done by then is cut and logged.',
    more: 'The default holds for a `proxy` without the gateway too.',
    elsewhere: { nginx: 'worker_shutdown_timeout', HAProxy: 'hard-stop-after', Envoy: '--drain-time-s' }
  },
  {
    path: 'metrics.path', kind: PATH, ...GATEWAY, required: true, variable: 'METRICS_PATH',
    text: 'The path, which begins with `/`; it goes before proxied routes.'
  },
  {
    path: 'log.mask', kind: MASKED_NAMES, ...GATEWAY, variable: 'LOG_MASK',
    defaultText: '`token`, `key`, `password`, `signature` and more',
    text: 'Names of parameters of URLs whose values are shown as `***`, besides the default ones; `false` or `[]`: nothing is masked.',
    more: '`*_ssn` masks each name that ends so, and `!code` shows a parameter that is masked by default. It holds for the lines of the ' +
      'microservice, for `requestSerializer()`, and for the spans. [Masking](operating.md#masking) has the default names.'
  },
  {
    path: 'admin.port', kind: PORT, ...GATEWAY, required: true, common: true, zero: 'any free one', variable: 'ADMIN_PORT',
    text: 'The port of the admin surface: dashboard, API, metrics.'
  },
  {
    path: 'admin.host', kind: HOST, ...GATEWAY, default: '127.0.0.1', variable: 'ADMIN_HOST',
    text: 'An address or a host name of this machine to listen on.', more: 'One that is not loopback needs a token.'
  },
  {
    path: 'admin.token', kind: TOKEN, ...GATEWAY, variable: 'ADMIN_TOKEN',
    text: 'What callers of the API prove themselves by, as `Authorization: Bearer <token>`: at least 16 characters.',
    more: 'With a token, a request may have any `Host`.'
  },
  {
    path: 'admin.allowedHosts', kind: HOST_PATTERNS, ...GATEWAY, default: [], variable: 'ADMIN_ALLOWED_HOSTS',
    text: 'Names that a request without a token may have in `Host`, besides loopback names, `admin.host` and the address of the listener.',
    more: '`.example.com` is that name and all names below it. An entry without a port holds for every port.'
  },
  {
    path: 'admin.required', kind: FLAG, ...GATEWAY, default: false,
    text: 'Whether `app.listen()` rejects, and serves no client, if the admin surface cannot listen; if not, that is logged.'
  },
  {
    path: 'upstream', kind: UPSTREAM_OPTION, ...TAKEN, common: true,
    text: 'The backend\'s URL: http:, https:, or unix+http: with the path of a socket; a list of URLs; or how its endpoints are found.',
    more: '\'\' where `replyOptions.getUpstream` chooses. [Endpoints](endpoints.md) has all forms. The path of a single URL stands in for ' +
      '`rewritePrefix`. A URL with credentials, a query or a fragment is refused, since none of them would ' +
      'be sent; likewise one that `getUpstream` returns, with a 500.'
  },
  {
    path: 'target', kind: STRING, ...ROUTE, defaultText: 'the origin of the upstream',
    text: 'A name for the target, in metrics, logs and the admin surface.'
  },
  {
    path: 'prefix', kind: STRING, ...TAKEN, common: true,
    text: 'The path under which the route is served; it may have parameters.'
  },
  {
    path: 'rewritePrefix', kind: STRING, ...TAKEN, defaultText: 'the path of the upstream',
    text: 'What takes the place of the prefix in the request to the backend.'
  },
  { path: 'httpMethods', kind: STRINGS, ...TAKEN, defaultText: 'all', text: 'The methods that are proxied.' },
  { path: 'routes', kind: STRINGS, ...TAKEN, text: 'The paths under the prefix that are proxied.' },
  { path: 'constraints', kind: OBJECT, ...TAKEN, text: 'Constraints of Fastify\'s routes, like a host.' },
  { path: 'config', kind: OBJECT, ...TAKEN, text: 'The `config` of Fastify\'s routes.' },
  { path: 'preHandler', kind: { type: 'Function' }, ...TAKEN, text: 'A hook before the request is forwarded.' },
  { path: 'beforeHandler', kind: { type: 'Function' }, ...TAKEN, text: 'An older name of `preHandler`.' },
  {
    path: 'preValidation', kind: { type: 'Function' }, ...TAKEN,
    text: 'A hook before validation; with it, the app\'s parsers read the body.'
  },
  { path: 'preRewrite', kind: FUNCTION, ...TAKEN, text: 'Changes the URL before the prefix is rewritten.' },
  {
    path: 'handler', kind: FUNCTION, ...TAKEN, text: 'A handler in place of the forwarding; it may call `reply.from()`.'
  },
  {
    path: 'proxyPayloads', kind: { type: 'boolean', schema: { type: 'boolean' } }, ...TAKEN, default: true,
    text: '`false`: the app\'s parsers read request bodies.'
  },
  {
    path: 'contentTypesToEncode', kind: STRINGS, ...TAKEN,
    text: 'Media types besides JSON whose parsed body is written as JSON.'
  },
  {
    path: 'replyOptions', kind: OBJECT, ...TAKEN,
    text: 'Options of `reply.from()`: `getUpstream`, `rewriteRequestHeaders`, `rewriteHeaders`, `onResponse`, `onError`, `queryString`, ' +
      '`timeout` ...'
  },
  {
    path: 'internalRewriteLocationHeader', kind: { type: 'boolean', schema: { type: 'boolean' } }, ...TAKEN,
    default: true, text: 'Whether `Location` gets the prefix back.'
  },
  {
    path: 'websocket', kind: { type: 'boolean', schema: { type: 'boolean' } }, ...TAKEN, default: false,
    text: 'Whether WebSockets pass, as tunnels.'
  },
  { path: 'wsUpstream', kind: URL_TEXT, ...TAKEN, text: 'Another upstream for WebSockets; it implies `websocket`.' },
  { path: 'wsHooks', ...WEBSOCKET_CLIENT },
  { path: 'wsReconnect', ...WEBSOCKET_CLIENT },
  { path: 'wsServerOptions', ...WEBSOCKET_CLIENT },
  { path: 'wsClientOptions', ...WEBSOCKET_CLIENT },
  {
    path: 'undici', kind: { type: 'object' }, ...TAKEN,
    text: 'http-proxy\'s name for `undiciOptions`; an undici instance, or `proxy` in it, makes the route unmanaged.'
  },
  { path: 'http', kind: { type: 'object' }, ...OTHER_TRANSPORT },
  { path: 'http2', kind: { type: 'object' }, ...OTHER_TRANSPORT },
  { path: 'globalAgent', kind: { type: 'boolean' }, ...OTHER_TRANSPORT },
  { path: 'destroyAgent', kind: { type: 'boolean' }, ...TAKEN, text: 'Has a meaning for unmanaged routes only.' },
  { path: 'cacheURLs', kind: { type: 'number' }, ...TAKEN, text: 'The size of reply-from\'s cache of URLs.' },
  { path: 'disableCache', kind: { type: 'boolean' }, ...TAKEN, text: 'Whether reply-from caches no URLs.' },
  {
    path: 'disableRequestLogging', kind: { type: 'boolean' }, ...TAKEN, text: 'Has a meaning for unmanaged routes only.'
  },
  {
    path: 'logLevel', kind: { type: 'string', schema: { type: 'string' } }, ...TAKEN,
    text: 'The log level of Fastify\'s routes.'
  },
  { path: 'logSerializers', kind: { type: 'object' }, ...TAKEN, text: 'The log serializers of Fastify\'s routes.' },
  { path: 'retryMethods', kind: { type: 'string[]' }, ...ROUTE, httpProxy: 'ignored', text: RETRIES },
  { path: 'retriesCount', kind: { type: 'number' }, ...ROUTE, httpProxy: 'ignored', text: RETRIES },
  { path: 'retryDelay', kind: { type: 'Function' }, ...ROUTE, httpProxy: 'ignored', text: RETRIES },
  { path: 'maxRetriesOn503', kind: { type: 'number' }, ...ROUTE, httpProxy: 'ignored', text: RETRIES },
  { path: 'base', kind: { type: 'string' }, ...ROUTE, httpProxy: 'ignored', text: UPSTREAM },
  { path: 'balancedPoolOptions', kind: { type: 'object' }, ...ROUTE, httpProxy: 'ignored', text: UPSTREAM },
  { path: 'sessionTimeout', kind: { type: 'number' }, ...ROUTE, httpProxy: 'ignored', text: 'it is for http2 alone' }
]

/** The group that a path stands in: `undiciOptions.connect` for `undiciOptions.connect.timeout`, '' for `bodyLimit`. */
export function groupOf (path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('.')))
}

/** The last part of a path. */
export function nameOf (path: string): string {
  return path.slice(path.lastIndexOf('.') + 1)
}

/** The rows that make the type of a group, in the order of the table. */
export function membersOf ({ path, place, ofTarget }: OptionGroup): readonly OptionRow[] {
  return rowsOf(path, place).filter(row => row.ofTarget === ofTarget)
}

/** The rows of a group, in the order of the table. */
export function rowsOf (group: string, place?: OptionRow['place']): readonly OptionRow[] {
  return TABLE.filter(row => groupOf(row.path) === group && (place === undefined || row.place === place))
}

/** The defaults of a group, by name. */
export function defaultsOf (group: string, place?: OptionRow['place']): Record<string, unknown> {
  return Object.fromEntries(rowsOf(group, place).filter(row => row.default !== undefined).map(row => [nameOf(row.path), row.default]))
}
