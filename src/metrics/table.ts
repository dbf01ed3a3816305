/** A metric, as the scrape and the documents describe it. */
export interface MetricRow {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** 'seconds', or what is counted. */
  readonly unit: string
  readonly labels: readonly string[]
  readonly meaning: string
}

// The labels of OpenTelemetry's HTTP client metrics that name the server.
const SERVER = ['target', 'server_address', 'server_port']
// The id joins series with log lines, Proxy-Status and the admin API; the address is what a person knows. Each id has one address.
const ENDPOINT = ['target', 'endpoint', 'address']

/**
 * Every metric of Holdfast's own, in the order of a scrape. Names and labels are those of OpenTelemetry's semantic conventions for
 * HTTP where there are any, written as Prometheus has it; the others begin with `holdfast_`.
 */
export const METRICS = [
  { name: 'http_client_open_connections', type: 'gauge', unit: 'connections', labels: [...SERVER, 'http_connection_state'], meaning: 'Connections to the target now: active ones carry a request, idle ones lie in the pool. The sentinel and upgraded ones are not among them.' },
  { name: 'http_client_connection_duration_seconds', type: 'histogram', unit: 'seconds', labels: SERVER, meaning: 'How long connections were open, noted when they close.' },
  { name: 'http_client_active_requests', type: 'gauge', unit: 'requests', labels: SERVER, meaning: 'Requests that have a connection and no complete response yet.' },
  { name: 'http_client_request_duration_seconds', type: 'histogram', unit: 'seconds', labels: [...SERVER, 'http_request_method', 'http_response_status_code', 'error_type'], meaning: 'From a connection taken to the end of the response, for each attempt. error_type is the status from 400 on, or the reason for which the connection was closed under the request.' },
  { name: 'http_server_request_duration_seconds', type: 'histogram', unit: 'seconds', labels: ['http_request_method', 'http_response_status_code', 'http_route'], meaning: 'From a client\'s request to the end of its response, proxied or not; http_route is the URL pattern of the route. A request whose client left before the end, and one for these metrics, is not in it.' },
  { name: 'holdfast_connections_opened_total', type: 'counter', unit: 'connections', labels: ['target'], meaning: 'Connections opened.' },
  { name: 'holdfast_connection_closes_total', type: 'counter', unit: 'connections', labels: ['target', 'reason'], meaning: 'Connections closed; each close has one reason.' },
  { name: 'holdfast_connect_duration_seconds', type: 'histogram', unit: 'seconds', labels: ['target'], meaning: 'Time to open a connection, TLS handshake included.' },
  { name: 'holdfast_dial_failures_total', type: 'counter', unit: 'dials', labels: ['target', 'error_type'], meaning: 'Dials that failed, by errno, TLS code or code of Holdfast\'s. A series begins at its first failure.' },
  { name: 'holdfast_handshakes_saved_total', type: 'counter', unit: 'handshakes', labels: ['target'], meaning: 'Requests that went over a connection which had carried one before.' },
  { name: 'holdfast_connect_seconds_saved_total', type: 'counter', unit: 'seconds', labels: ['target'], meaning: 'The time that opening a connection had taken, added up over the requests of holdfast_handshakes_saved_total.' },
  { name: 'holdfast_retries_total', type: 'counter', unit: 'retries', labels: ['target', 'kind'], meaning: 'Requests sent again on a fresh connection. Kind fresh was lost on a fresh connection before, and goes to another endpoint; kind connect is a failed dial that was tried again, at the same endpoint or at another. Each kind is 0 from the first scrape on.' },
  { name: 'holdfast_rejected_total', type: 'counter', unit: 'requests', labels: ['target', 'code'], meaning: 'Requests that ended without an answer of the target, or with half of one, by the code of their error. The codes that alerts ask for are 0 from the first scrape on. Requests that their client, totalTimeout or the deadline of a drain ended are not in it.' },
  { name: 'holdfast_queue_wait_seconds', type: 'histogram', unit: 'seconds', labels: ['target'], meaning: 'How long requests waited for a connection before they got it, a dial included; 0 for those that found one idle.' },
  { name: 'holdfast_pending_requests', type: 'gauge', unit: 'requests', labels: ['target'], meaning: 'Requests that wait for a connection now and have no dial of their own.' },
  { name: 'holdfast_persistence_state', type: 'gauge', unit: 'state', labels: ['target', 'state'], meaning: '1 for what is believed of the target now (persistent, non-persistent, trial), 0 for the others. Not for dynamic targets.' },
  { name: 'holdfast_idle_limit_seconds', type: 'gauge', unit: 'seconds', labels: ['target', 'source'], meaning: 'How long a connection may lie idle: as configured, hinted by the backend, learned, and the effective one of these; hinted and learned are absent until known. Not for dynamic targets.' },
  { name: 'holdfast_connections_limit', type: 'gauge', unit: 'connections', labels: ['target'], meaning: 'The most connections that this process may have to the target (undiciOptions.connections); absent where there is no limit. Not for dynamic targets.' },
  { name: 'holdfast_certificate_expiry_timestamp_seconds', type: 'gauge', unit: 'seconds', labels: ['target', 'certificate'], meaning: 'When a certificate ends (notAfter), in seconds since 1970. certificate backend: the one that the backend showed for itself at its newest handshake that resumed no session, without those of its issuers; absent before the first, and without TLS. certificate client: connect.cert, which Holdfast shows to the backend, the first to end of its chain; absent without one, and where it is given as pfx or in a secureContext. Not for dynamic targets.' },
  { name: 'holdfast_readiness_state', type: 'gauge', unit: 'state', labels: ['state'], meaning: '1 for what /health/ready says of this process now (ready, draining, pressure), 0 for the others: draining once it stops, pressure while its event loop is late. It does not depend on the option health.' },
  { name: 'holdfast_upgraded_connections', type: 'gauge', unit: 'connections', labels: ['target'], meaning: 'Connections that are tunnels now (WebSocket and the like).' },
  { name: 'holdfast_sentinels', type: 'gauge', unit: 'connections', labels: ['target'], meaning: 'Connections left idle past a learned limit, to see when the backend closes them.' },
  { name: 'holdfast_endpoints', type: 'gauge', unit: 'endpoints', labels: ['target', 'state'], meaning: 'Endpoints by state: joining, up, refusing (as these two, but its dials are refused), ejected, leaving. As every metric of endpoints, not for dynamic targets, and not for a target that is one plain origin.' },
  { name: 'holdfast_endpoint_connections', type: 'gauge', unit: 'connections', labels: [...ENDPOINT, 'state'], meaning: 'Connections to the endpoint now: active, idle, connecting (dials under way), upgraded (tunnels).' },
  { name: 'holdfast_endpoint_requests_total', type: 'counter', unit: 'requests', labels: ENDPOINT, meaning: 'Attempts of requests that were begun on a connection to the endpoint.' },
  { name: 'holdfast_endpoint_failures_total', type: 'counter', unit: 'failures', labels: ENDPOINT, meaning: 'Failures that speak against the endpoint, as seen at scrapes: failed dials, fresh connections lost without a byte, header timeouts, and statuses that ejection.statuses names.' },
  { name: 'holdfast_endpoint_exchange_seconds', type: 'gauge', unit: 'seconds', labels: ENDPOINT, meaning: 'How long an exchange with the endpoint takes, on average over the latest ones; absent before the first.' },
  { name: 'holdfast_endpoint_ejections_total', type: 'counter', unit: 'ejections', labels: ['target', 'cause'], meaning: 'Ejections, by what they were concluded from: dials that were refused, other failed dials (dial), fresh connections lost, timeout, status, failed health checks (check), a 503 with Retry-After (retry_after), or an operator. Each cause is 0 from the first scrape on.' },
  { name: 'holdfast_discovery_age_seconds', type: 'gauge', unit: 'seconds', labels: ['target'], meaning: 'Time since discovery answered last, whether or not it found a change; absent before the first answer, and without discovery.' },
  { name: 'holdfast_discovery_failures_total', type: 'counter', unit: 'failures', labels: ['target'], meaning: 'Questions of discovery that got no answer. They remove no endpoint.' },
  { name: 'holdfast_discovery_missing_endpoints', type: 'gauge', unit: 'endpoints', labels: ['target'], meaning: 'Endpoints that the last answers of discovery lack, and that are kept for discovery.hold.' }
] as const satisfies readonly MetricRow[]

export type MetricName = typeof METRICS[number]['name']

/** The most useful of prom-client's default metrics. The others are served too. */
export const PROCESS_METRICS: readonly MetricRow[] = [
  { name: 'process_cpu_seconds_total', type: 'counter', unit: 'seconds', labels: [], meaning: 'CPU time of the process, user and system.' },
  { name: 'process_resident_memory_bytes', type: 'gauge', unit: 'bytes', labels: [], meaning: 'What of the process is in memory.' },
  { name: 'process_start_time_seconds', type: 'gauge', unit: 'seconds', labels: [], meaning: 'When the process started, since 1970.' },
  { name: 'nodejs_eventloop_lag_p99_seconds', type: 'gauge', unit: 'seconds', labels: [], meaning: 'How late the event loop is, 99th percentile since the last scrape.' },
  { name: 'nodejs_heap_size_used_bytes', type: 'gauge', unit: 'bytes', labels: [], meaning: 'JavaScript heap in use.' },
  { name: 'nodejs_gc_duration_seconds', type: 'histogram', unit: 'seconds', labels: ['kind'], meaning: 'Garbage collections, by kind.' }
]

/** The label under which all targets that `getUpstream` chose are counted together. */
export const DYNAMIC = 'dynamic'
/** The label of a value that is not among the known ones. */
export const OTHER = '_OTHER'

/** Upper bounds in ms, as OpenTelemetry advises for requests. */
export const REQUEST_BUCKETS: readonly number[] = [5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000]
/** Upper bounds in ms: OpenTelemetry's for connections, and the default of `maxConnectionAge` with its jitter. */
export const CONNECTION_BUCKETS: readonly number[] = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 660_000]
/** Upper bounds in ms: from a backend on the same host to the default of `connect.timeout`. */
export const CONNECT_BUCKETS: readonly number[] = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 3_000]
/** Upper bounds in ms: up to the default of `pool.pendingTimeout`, and the time of dials beyond it. */
export const WAIT_BUCKETS: readonly number[] = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]
