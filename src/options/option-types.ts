// Made from src/options/table.ts by `npm run made`; a test holds it to that.
import type { FastifyUnderPressureOptions } from '@fastify/under-pressure'
import type { LookupFunction } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { AffinityOption } from './affinity-option.js'
import type { ConnectFunction, NodeConnectOptions } from './connect-types.js'
import type { UpstreamOption } from './upstream-option.js'

/** Connections and their times, under undici's names and with their meaning there. Source: undici, docs/api/Client.md and Pool.md. */
export interface UndiciOptions {
  /**
   * The most connections to one endpoint of the target: active, idle and connecting ones together. `Infinity`: no limit. One connection
   * more, which carries no requests, may lie idle to see when the backend closes it. 0: refused. Can be changed at run time.
   *
   * @defaultValue 128
   */
  connections?: number | undefined
  /**
   * How long an idle connection is kept where the backend gives no hint. What is learned of the backend shortens it. In ms. 0: no
   * keep-alive, which is warned about. Can be changed at run time.
   *
   * @defaultValue 60_000
   */
  keepAliveTimeout?: number | undefined
  /**
   * The longest idle time that a backend's `Keep-Alive` header can ask for. In ms. 0: refused. Can be changed at run time.
   *
   * @defaultValue keepAliveTimeout
   */
  keepAliveMaxTimeout?: number | undefined
  /**
   * Taken off the time that a `Keep-Alive` header says, and never more than half of it. The backend's clock started earlier than the
   * gateway's. In ms. Can be changed at run time.
   *
   * @defaultValue 1_000
   */
  keepAliveTimeoutThreshold?: number | undefined
  /**
   * From the last byte of a request to the head of its response; then 504. In ms. 0: no limit. Can be changed at run time.
   *
   * @defaultValue 50_000
   */
  headersTimeout?: number | undefined
  /**
   * Between two pieces of a response's body; then the client is cut off. In ms. 0: no limit. Can be changed at run time.
   *
   * @defaultValue 55_000
   */
  bodyTimeout?: number | undefined
  /**
   * How connections are made: TLS and socket options, or a function with the shape of undici's connectors. Certificates and keys are read
   * when the route is registered and at `update()`; one that is cut, is no PEM, or does not belong to the other is refused. A route that
   * sets any option of the TLS identity (`ca`, `cert`, `key`, `secureContext`, `servername`, `checkServerIdentity`, `minVersion` ...) takes
   * none of the gateway's. A function, or a SecureContext, is compared by identity: targets share connections only where it is the same
   * one. A function's dial fails where it calls back without a socket. Can be changed at run time; connections are made anew.
   *
   * @defaultValue none
   */
  connect?: ConnectOptions | ConnectFunction | undefined
  /**
   * Requests at a time on one connection. 0: no keep-alive, which is warned about. Can be changed at run time.
   *
   * @defaultValue 1
   */
  pipelining?: 0 | 1 | undefined
  /**
   * The IP address of this machine to connect from. Can be changed at run time; connections are made anew.
   *
   * @defaultValue the system's choice
   */
  localAddress?: string | undefined
  /**
   * A unix socket to connect to in place of host and port. Can be changed at run time; connections are made anew.
   *
   * @defaultValue none
   */
  socketPath?: string | undefined
  /**
   * The largest head of a response, and the largest trailers: names, values and reason; then 502. What stands between them may be as large
   * again. In bytes. 0: refused. Can be changed at run time; connections are made anew.
   *
   * @defaultValue 16 384
   */
  maxHeaderSize?: number | undefined
  /**
   * The largest body of a response; then 502, or the client is cut off. In bytes. 0: refused. Can be changed at run time; connections are
   * made anew.
   *
   * @defaultValue no limit
   */
  maxResponseSize?: number | undefined
}

/** How connections are made: options of `net.connect` and `tls.connect`, as undici's `connect` takes them. Each connection of a target is made with them. */
export interface ConnectOptions extends NodeConnectOptions {
  /**
   * Until a connection is made, TLS handshake included; then 504. In ms. 0: refused. Can be changed at run time; connections are made anew.
   *
   * @defaultValue 3_000
   */
  timeout?: number | undefined
  /**
   * Whether a certificate that no trusted authority has signed is refused. `false` is warned about. Can be changed at run time; connections
   * are made anew.
   *
   * @defaultValue true
   */
  rejectUnauthorized?: boolean | undefined
  /**
   * The authorities whose certificates are trusted, in PEM. Can be changed at run time; connections are made anew.
   *
   * @defaultValue the authorities that Node trusts
   */
  ca?: ConnectionOptions['ca'] | undefined
  /**
   * The gateway's own certificate, in PEM, with those of its issuers behind it. It needs `key`. Can be changed at run time; connections are
   * made anew.
   *
   * @defaultValue none
   */
  cert?: ConnectionOptions['cert'] | undefined
  /**
   * The private key of `cert`, in PEM. With `passphrase` where it is encrypted. Can be changed at run time; connections are made anew.
   *
   * @defaultValue none
   */
  key?: ConnectionOptions['key'] | undefined
  /**
   * The name in the TLS handshake (SNI), which the backend's certificate has to be for. Can be changed at run time; connections are made
   * anew.
   *
   * @defaultValue the host of the upstream
   */
  servername?: string | undefined
  /**
   * TLS sessions that are kept, so that a later handshake can resume one. 0: every handshake is a full one. Can be changed at run time;
   * connections are made anew.
   *
   * @defaultValue 0
   */
  maxCachedSessions?: number | undefined
  /**
   * Whether the addresses of both families are tried, one after another (RFC 8305). Can be changed at run time; connections are made anew.
   *
   * @defaultValue Node's
   */
  autoSelectFamily?: boolean | undefined
  /**
   * How long one address is tried before the next one. In ms. 0: refused. Can be changed at run time; connections are made anew.
   *
   * @defaultValue Node's
   */
  autoSelectFamilyAttemptTimeout?: number | undefined
  /**
   * The family of addresses that a name is resolved to. 0: both. Can be changed at run time; connections are made anew.
   *
   * @defaultValue 0
   */
  family?: 4 | 6 | 0 | undefined
  /**
   * How long a connection is silent before TCP asks whether its other end is still there. In ms. Can be changed at run time; connections
   * are made anew.
   *
   * @defaultValue 60 000
   */
  keepAliveInitialDelay?: number | undefined
  /**
   * Resolves the upstream's name; it is asked at each dial. Can be changed at run time; connections are made anew.
   *
   * @defaultValue dns.lookup
   */
  lookup?: LookupFunction | undefined
}

/** Limits of a target's pool that undici has no name for. */
export interface PoolOptions {
  /**
   * Requests after which a connection is closed. 0: no limit. Can be changed at run time.
   *
   * @defaultValue 0
   */
  maxRequestsPerConnection?: number | undefined
  /**
   * Age at which a connection takes no new request, with 10 % of jitter either way. A change of DNS, or of a load balancer behind the name,
   * is followed within it. In ms. 0: no limit. Can be changed at run time.
   *
   * @defaultValue 600_000
   */
  maxConnectionAge?: number | undefined
  /**
   * With at most this many idle connections, a request takes the one that has been idle longest. Requests then use these connections in
   * turn, so that low traffic can keep all of them open, and not only the most recently used one. The option opens no connections and
   * changes no limit: a connection that has reached its idle limit is closed. Can be changed at run time.
   *
   * @defaultValue 0
   */
  minIdle?: number | undefined
  /**
   * Requests that may wait for a connection; beyond that, 503 with `Retry-After`. `Infinity`: no limit. 0: never queue. Can be changed at
   * run time.
   *
   * @defaultValue 1_024
   */
  maxPending?: number | undefined
  /**
   * How long a request may wait for a connection; then 503. In ms. 0: refused. Can be changed at run time.
   *
   * @defaultValue 5_000
   */
  pendingTimeout?: number | undefined
  /**
   * Connections to one endpoint that are being made at once. A backend that comes back is not met by a stampede. 0: refused. Can be changed
   * at run time.
   *
   * @defaultValue 8
   */
  maxDials?: number | undefined
  /**
   * How long a refused connection is tried again; then 502. A process that restarts listens again within that. In ms. 0: not at all. Can be
   * changed at run time.
   *
   * @defaultValue 1_000
   */
  connectRetry?: number | undefined
  /**
   * The most upgraded connections to one endpoint (WebSocket and the like); beyond that, 503. `Infinity`: no limit. 0: no upgrades. Can be
   * changed at run time.
   *
   * @defaultValue 1_024
   */
  maxUpgraded?: number | undefined
  /**
   * The most connections to all endpoints of the target together: active, idle and connecting ones. `Infinity`: no limit.
   * `undiciOptions.connections` bounds those to one endpoint. 0: refused. Can be changed at run time.
   *
   * @defaultValue Infinity
   */
  maxConnections?: number | undefined
}

/** How a backend that does not keep connections open is recognised; `false`: not at all. */
export interface InspectorOptions {
  /**
   * Connections in a row that the backend closes after their first response, before the pool is torn down. 0: refused.
   *
   * @defaultValue 3
   */
  closesBeforeTeardown?: number | undefined
  /**
   * How long a non-persistent backend is left alone before it is tried again, with jitter. A backend that kept connections before is tried
   * again after a second at most. In ms. 0: refused.
   *
   * @defaultValue 30_000
   */
  trialInterval?: number | undefined
}

/** When a request that got no answer is sent again. */
export interface RetryOptions {
  /**
   * Whether a request that died on a reused connection is sent again, once, where that is safe.
   *
   * @defaultValue true
   */
  stale?: boolean | undefined
  /**
   * Request bodies up to this size are held, so that they can be sent again. In bytes. 0: none is held.
   *
   * @defaultValue 65_536
   */
  replayLimit?: number | undefined
}

/** Which endpoint of a target gets a request. */
export interface EndpointOptions {
  /**
   * How the endpoint for a request is chosen. `least-requests`: of two random ones, the one with fewer requests in flight for its weight.
   * `round-robin`: in turn, by weight. `hash`: by the value that `affinity` names, a header or the client's address, so that requests with
   * the same value go to the same endpoint unless it is too busy.
   *
   * @defaultValue 'least-requests'
   */
  balance?: 'least-requests' | 'round-robin' | 'hash' | undefined
  /**
   * What makes two requests of one kind, so that they go to the same endpoint; `false`: none. `{ cookie, secret }`: the gateway sets a
   * cookie of this name, which binds a client to an endpoint; the secret (at least 16 bytes; of a list, the first seals and all open) seals
   * it, so that gateways with the same secret agree. `{ header }` and `{ ip: true }`: the value of a request header, or the client's
   * address, with `balance: 'hash'`.
   *
   * @defaultValue none
   */
  affinity?: AffinityOption | false | undefined
  /**
   * How long the share of a new endpoint grows, from a tenth to the whole of it. In ms. 0: its whole share at once.
   *
   * @defaultValue 0
   */
  slowStart?: number | undefined
}

/** When an endpoint that fails gets no requests for a while; `false`: never. Failures are refused and failed dials, responses that do not begin in `headersTimeout`, and fresh connections that are lost before the first byte of a response. A reused connection that turns out to be closed is none, and neither is what a client ends. */
export interface EjectionOptions {
  /**
   * Failures in a row after which an endpoint is ejected. Any response ends the row. 0: refused.
   *
   * @defaultValue 5
   */
  failures?: number | undefined
  /**
   * How long the first ejection lasts, with 10 % of jitter; then single requests try the endpoint. Each one that follows soon is longer by
   * this time. An endpoint that refuses connections is tried sooner, by dials. In ms. 0: refused.
   *
   * @defaultValue 10_000
   */
  time?: number | undefined
  /**
   * The longest time of one ejection. At least `time`. In ms. 0: refused.
   *
   * @defaultValue 300_000
   */
  maxTime?: number | undefined
  /**
   * The share of a target's endpoints that may be ejected at once, from 0 to 1. Of two or more, one may be in any case above 0; the last
   * that serves never is. 0: no failures eject.
   *
   * @defaultValue 0.5
   */
  maxEjected?: number | undefined
  /**
   * Statuses of responses that count as failures. Choose none that clients can provoke. With 503, a `Retry-After` of at most 10 s ejects
   * for that time.
   *
   * @defaultValue []
   */
  statuses?: readonly number[] | undefined
}

/** Requests of the gateway's own that ask each endpoint whether it serves, each over a connection of its own; not given, or `false`: none. */
export interface HealthCheckOptions {
  /**
   * What is asked for, by GET.
   *
   * @defaultValue must be given, for the gateway or the route
   */
  path?: string | undefined
  /**
   * From the beginning of one check to that of the next, with 10 % of jitter either way. In ms. 0: refused.
   *
   * @defaultValue 10_000
   */
  interval?: number | undefined
  /**
   * From the dial to the status of the response; then the check has failed. In ms. 0: refused.
   *
   * @defaultValue 1_000
   */
  timeout?: number | undefined
  /**
   * Checks in a row that have to pass before an endpoint that failed gets requests again. A new endpoint needs one. 0: refused.
   *
   * @defaultValue 2
   */
  rise?: number | undefined
  /**
   * Checks in a row that have to fail before an endpoint gets no more requests. 0: refused.
   *
   * @defaultValue 3
   */
  fall?: number | undefined
  /**
   * The status that passes: a class like `2xx`, or one like `204`.
   *
   * @defaultValue '2xx'
   */
  status?: string | undefined
}

/** How endpoints are found that `upstream` does not list. */
export interface DiscoveryOptions {
  /**
   * The longest time between an answer and the next question. A DNS answer with a shorter TTL is asked for sooner. In ms. 0: refused.
   *
   * @defaultValue 5_000
   */
  refresh?: number | undefined
  /**
   * How long an endpoint is kept that DNS answers lack, while it serves. DNS servers answer with parts of a list, or with old ones. One
   * that refuses connections goes at once. In ms. 0: not at all.
   *
   * @defaultValue 30_000
   */
  hold?: number | undefined
  /**
   * IP addresses of the name servers to ask, with or without a port.
   *
   * @defaultValue those of resolv.conf
   */
  servers?: readonly string[] | undefined
  /**
   * Where the API server of a cluster is, and how it is asked.
   *
   * @defaultValue the pod's service account
   */
  kubernetes?: KubernetesOptions | undefined
}

/** Where the API server of a cluster is, for `kubernetes+http:` and `kubernetes+https:`. Not given: as Kubernetes tells each pod, with the pod's service account. */
export interface KubernetesOptions {
  /**
   * The API server, like `https://10.96.0.1:443`, or `http://127.0.0.1:8001` of `kubectl proxy`.
   */
  url: string
  /**
   * A file with a bearer token; it is read for each request, since Kubernetes replaces it.
   *
   * @defaultValue none
   */
  tokenFile?: string | undefined
  /**
   * A file with the certificates, in PEM, that the API server's has to be issued by; it is read for each request.
   *
   * @defaultValue the authorities that Node trusts
   */
  caFile?: string | undefined
  /**
   * The namespace of services that are named without one.
   *
   * @defaultValue none
   */
  namespace?: string | undefined
}

/** What a route may set besides the settings of its target. */
export interface RouteOptions {
  /**
   * How much of a response is held, so that the backend is done before a slow client is. In bytes. 0: nothing is held.
   *
   * @defaultValue 262_144
   */
  responseBuffer?: number | undefined
  /**
   * The largest body of a request; then 413. In bytes. 0: no limit.
   *
   * @defaultValue 0
   */
  bodyLimit?: number | undefined
  /**
   * The whole exchange, from a request's head to the last byte of its response; then 504, or the client is cut off. In ms. 0: no limit.
   *
   * @defaultValue 0
   */
  totalTimeout?: number | undefined
  /**
   * For a request's body: in total until the backend is asked, then between two pieces; then 408. In ms. 0: no limit.
   *
   * @defaultValue 55_000
   */
  clientBodyTimeout?: number | undefined
  /**
   * The least rate of a request's body that streams, averaged over 10 s; below it, 408. It counts while the next piece is waited for and
   * the backend has not begun to answer. In bytes/s. 0: no limit.
   *
   * @defaultValue 256
   */
  clientMinRate?: number | undefined
  /**
   * How long an upgraded connection may be silent in both directions. In ms. 0: no limit.
   *
   * @defaultValue 300_000
   */
  tunnelIdleTimeout?: number | undefined
  /**
   * Whether 103 responses are passed on. Up to 16 for a request, and none while the client has not taken what was written before.
   *
   * @defaultValue false
   */
  earlyHints?: boolean | undefined
  /**
   * Say in each response, in a `Proxy-Status` header (RFC 9209), how its request travelled and why it failed.
   *
   * @defaultValue false
   */
  proxyStatus?: boolean | undefined
  /**
   * Say in `Via` that a message has passed this gateway, to backends and to clients (RFC 9110 section 7.6.3). Some servers compress nothing
   * for a request that has one (nginx, unless `gzip_proxied` says otherwise). Loops are found by `CDN-Loop` too.
   *
   * @defaultValue true
   */
  via?: boolean | undefined
}

/** How an app ends: what `app.close()` and `gateway.drain()` do. */
export interface DrainOptions {
  /**
   * How long requests are served after readiness has said 503. In ms.
   *
   * @defaultValue 0
   */
  delay?: number | undefined
  /**
   * How long `app.close()` may take, over HTTP/1 and HTTP/2; what is not done by then is cut and logged. The default holds for a `proxy`
   * without the gateway too. In ms.
   *
   * @defaultValue 10_000
   */
  deadline?: number | undefined
}

/** Where the public listener serves metrics, to every client that can reach it. */
export interface MetricsOptions {
  /**
   * The path, which begins with `/`; it goes before proxied routes.
   */
  path: string
}

/** Where the admin surface listens, and who may use it. */
export interface AdminOptions {
  /**
   * The port of the admin surface: dashboard, API, metrics. 0: any free one.
   */
  port: number
  /**
   * An address or a host name of this machine to listen on. One that is not loopback needs a token.
   *
   * @defaultValue '127.0.0.1'
   */
  host?: string | undefined
  /**
   * What callers of the API prove themselves by, as `Authorization: Bearer <token>`: at least 16 characters. With a token, a request may
   * have any `Host`.
   *
   * @defaultValue none
   */
  token?: string | undefined
  /**
   * Names that a request without a token may have in `Host`, besides loopback names, `admin.host` and the address of the listener.
   * `.example.com` is that name and all names below it. An entry without a port holds for every port.
   *
   * @defaultValue []
   */
  allowedHosts?: string[] | undefined
  /**
   * Whether `app.listen()` rejects, and serves no client, if the admin surface cannot listen; if not, that is logged.
   *
   * @defaultValue false
   */
  required?: boolean | undefined
}

/** What the log shows. */
export interface LogOptions {
  /**
   * Names of parameters of URLs whose values are shown as `***`, besides the default ones; `false` or `[]`: nothing is masked. `*_ssn`
   * masks each name that ends so, and `!code` shows a parameter that is masked by default. It holds for the lines of the microservice, for
   * `requestSerializer()`, and for the spans. [Masking](operating.md#masking) has the default names.
   *
   * @defaultValue `token`, `key`, `password`, `signature` and more
   */
  mask?: readonly string[] | false | undefined
}

/** What belongs to the whole gateway. */
export interface WholeGatewayOptions {
  /**
   * Serve `/health/live` and `/health/ready` on the public port. No target is named there.
   *
   * @defaultValue false
   */
  health?: boolean | undefined
  /**
   * How often a request may pass a Holdfast gateway, by `CDN-Loop` or `Via`; then 508. 0: refused.
   *
   * @defaultValue 8
   */
  maxHops?: number | undefined
  /**
   * The most targets that `getUpstream` may make; beyond that, 503. 0: refused.
   *
   * @defaultValue 100
   */
  maxDynamicTargets?: number | undefined
  /**
   * How long a client may take for the head of a request; then 408. In ms. 0: no limit.
   *
   * @defaultValue the server's own; Node's is 60 000
   */
  clientHeadersTimeout?: number | undefined
  /**
   * Options of `@fastify/under-pressure`, which refuses requests while the process is overloaded; `false`: none. An app that registers
   * `@fastify/under-pressure` itself, before or after, has its own in place of it.
   *
   * @defaultValue { maxEventLoopDelay: 1_000 }
   */
  pressure?: FastifyUnderPressureOptions | false | undefined
}

/** Where a route leads. */
export interface WhereToOptions {
  /**
   * The backend's URL: http:, https:, or unix+http: with the path of a socket; a list of URLs; or how its endpoints are found. '' where
   * `replyOptions.getUpstream` chooses. [Endpoints](endpoints.md) has all forms. The path of a single URL stands in for `rewritePrefix`. A
   * URL with credentials, a query or a fragment is refused, since none of them would be sent; likewise one that `getUpstream` returns, with
   * a 500.
   *
   * @defaultValue none
   */
  upstream?: UpstreamOption | undefined
  /**
   * A name for the target, in metrics, logs and the admin surface.
   *
   * @defaultValue the origin of the upstream
   */
  target?: string | undefined
}

/** The settings of one target. */
export interface TargetOptions extends EndpointOptions {
  /** Connections and their times, under undici's names and with their meaning there. Source: undici, docs/api/Client.md and Pool.md. */
  undiciOptions?: UndiciOptions | undefined
  /** Limits of a target's pool that undici has no name for. */
  pool?: PoolOptions | undefined
  /** How a backend that does not keep connections open is recognised; `false`: not at all. */
  inspector?: InspectorOptions | false | undefined
  /** When a request that got no answer is sent again. */
  retry?: RetryOptions | undefined
  /** When an endpoint that fails gets no requests for a while; `false`: never. Failures are refused and failed dials, responses that do not begin in `headersTimeout`, and fresh connections that are lost before the first byte of a response. A reused connection that turns out to be closed is none, and neither is what a client ends. */
  ejection?: EjectionOptions | false | undefined
  /** Requests of the gateway's own that ask each endpoint whether it serves, each over a connection of its own; not given, or `false`: none. */
  healthCheck?: HealthCheckOptions | false | undefined
  /** How endpoints are found that `upstream` does not list. */
  discovery?: DiscoveryOptions | undefined
}

/** The defaults of every route and target, and what belongs to the whole gateway. */
export interface GatewayOptions extends TargetOptions, RouteOptions, WholeGatewayOptions {
  /** How an app ends: what `app.close()` and `gateway.drain()` do. */
  drain?: DrainOptions | undefined
  /** Where the public listener serves metrics, to every client that can reach it. */
  metrics?: MetricsOptions | undefined
  /** Where the admin surface listens, and who may use it. */
  admin?: AdminOptions | undefined
  /** What the log shows. */
  log?: LogOptions | undefined
}
