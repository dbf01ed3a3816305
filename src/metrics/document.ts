import { MOST_OF_APP, MOST_OF_TARGET, RETAINED } from './endpoint-figures.js'
import { METRICS, OTHER, PROCESS_METRICS } from './table.js'
import type { MetricRow } from './table.js'

/** Queries for Prometheus, by what they show. */
export const QUERIES: readonly { readonly about: string, readonly query: string }[] = [
  { about: 'Reuse ratio: the part of requests that needed no new connection', query: 'sum by (target) (rate(holdfast_handshakes_saved_total[5m])) / sum by (target) (rate(holdfast_queue_wait_seconds_count[5m]))' },
  { about: 'Handshakes saved a second', query: 'sum by (target) (rate(holdfast_handshakes_saved_total[5m]))' },
  { about: 'Connections opened a second: what a backend has to shake hands for', query: 'sum by (target) (rate(holdfast_connections_opened_total[5m]))' },
  { about: 'Closes a second, by reason', query: 'sum by (target, reason) (rate(holdfast_connection_closes_total[5m]))' },
  { about: 'Queue wait, 99th percentile', query: 'histogram_quantile(0.99, sum by (target, le) (rate(holdfast_queue_wait_seconds_bucket[5m])))' },
  { about: 'Answers of the target, 99th percentile', query: 'histogram_quantile(0.99, sum by (target, le) (rate(http_client_request_duration_seconds_bucket[5m])))' },
  { about: 'Answers to clients, 99th percentile, by route', query: 'histogram_quantile(0.99, sum by (http_route, le) (rate(http_server_request_duration_seconds_bucket[5m])))' },
  { about: 'Part of attempts that failed', query: 'sum by (target) (rate(http_client_request_duration_seconds_count{error_type!="",error_type!~"4.."}[5m])) / sum by (target) (rate(http_client_request_duration_seconds_count[5m]))' },
  { about: 'Targets that do not keep connections open, as far as is known', query: 'holdfast_persistence_state{state="non-persistent"} == 1' },
  { about: 'Targets that close sooner than was configured', query: 'holdfast_idle_limit_seconds{source="effective"} < on (job, instance, target) holdfast_idle_limit_seconds{source="configured"}' },
  { about: 'How full the pools are, with the connections that requests hold and those that are idle', query: 'sum by (job, instance, target) (http_client_open_connections) / on (job, instance, target) holdfast_connections_limit' },
  { about: 'Days until a certificate ends', query: '(holdfast_certificate_expiry_timestamp_seconds - time()) / 86400' },
  { about: 'Share of the endpoints that is ejected or refuses dials', query: 'sum by (target) (holdfast_endpoints{state=~"ejected|refusing"}) / sum by (target) (holdfast_endpoints{state!="leaving"})' },
  { about: 'Requests a second, by endpoint', query: 'sum by (target, endpoint, address) (rate(holdfast_endpoint_requests_total[5m]))' },
  { about: 'Endpoints that take more than twice as long as the others of their target', query: 'max by (target, endpoint, address) (holdfast_endpoint_exchange_seconds) > on (target) group_left () 2 * avg by (target) (holdfast_endpoint_exchange_seconds)' },
  { about: 'Requests refused or failed a second, by code', query: 'sum by (target, code) (rate(holdfast_rejected_total[5m]))' }
]

const ABOUT = `<!-- Made by: npm run made -->
# Metrics

On the gateway's own port, where its clients can read them too (\`METRICS_PATH=/metrics\` in the microservice):

\`\`\`ts fragment
await app.register(gateway, { metrics: { path: '/metrics' } })
\`\`\`

On the admin surface alone (\`ADMIN_PORT=9901\`):

\`\`\`ts fragment
await app.register(gateway, { admin: { port: 9901 } })
\`\`\`

In Prometheus' text format. Names and labels are those of [OpenTelemetry's semantic conventions for
HTTP](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/) where there are any, as Prometheus writes them; what they have no name for begins with
\`holdfast_\`. [deploy/grafana-dashboard.json](../deploy/grafana-dashboard.json) is a dashboard of them, to be imported into Grafana.
[deploy/prometheus/holdfast.rules.yaml](../deploy/prometheus/holdfast.rules.yaml) has alert rules.

On a path of the gateway's own, its clients can read them too, targets' names and addresses included; the admin surface is the place where they cannot.

## Labels

\`target\` is a target's name. All targets that \`getUpstream\` chose are counted as one, \`target="dynamic"\`, without an address. So their counts stay
when such a target is closed. Methods other than those of RFC 9110 and PATCH are \`_OTHER\`; a status that has no name is left out (from 400 on it is
\`error_type="_OTHER"\`). No label holds a path, a query, or anything else that a client chooses. A sample has only the labels that apply to it.

\`endpoint\` is an endpoint's id, as in log lines, \`Proxy-Status\` and the admin API, and \`address\` its \`host:port\`. At most ${MOST_OF_TARGET} endpoints of a
target, and ${MOST_OF_APP / 1_000} 000 of an app, have series of their own. All others are counted as one, \`endpoint="${OTHER}"\`, without an address. An endpoint
keeps its series until it has been gone for ${RETAINED / 60_000} minutes; then they end, and another endpoint may have the place. The metrics of a target
count all of its endpoints.

Reasons of closes are those of [close-reasons.md](close-reasons.md), codes those of [errors.md](errors.md).
`

/** docs/metrics.md. */
export function metricsAsMarkdown (): string {
  const queries = QUERIES.map(({ about, query }) => `${about}:\n\n\`\`\`promql\n${query}\n\`\`\`\n`)
  return `${ABOUT}
## Of Holdfast

${tableOf(METRICS)}
## Of the process

prom-client's default metrics are served too (\`process_*\`, \`nodejs_*\`). Those to look at first:

${tableOf(PROCESS_METRICS)}
## What to ask

${queries.join('\n')}`
}

function tableOf (rows: readonly MetricRow[]): string {
  const lines = rows.map(({ name, type, unit, labels, meaning }) => `| \`${name}\` | ${type} | ${unit} | ${labels.map(label => `\`${label}\``).join(', ')} | ${meaning.replaceAll('|', '\\|')} |\n`)
  return `| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n${lines.join('')}`
}
