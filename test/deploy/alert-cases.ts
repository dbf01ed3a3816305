/** An alert that is to fire: its labels besides alertname and severity, and the text of `$value` in its annotations, if they have it. */
export interface Firing { readonly labels: Readonly<Record<string, string>>, readonly value?: string }

/** What an alert does over series that have one sample a minute; the notation is that of `promtool test rules`. */
export interface AlertCase {
  readonly alert: string
  readonly series: Readonly<Record<string, string>>
  /** Which alerts of the name fire at that time, and no other. The series just below the threshold are never among them. */
  readonly at: Readonly<Record<string, readonly Firing[]>>
}

const JOB = 'job="holdfast"'
const of = (target: string, more = ''): string => `{${JOB},instance="a:9901",target="${target}"${more === '' ? '' : `,${more}`}}`
const attempts = (target: string, error = ''): string => `http_client_request_duration_seconds_count${of(target, error === '' ? '' : `error_type="${error}"`)}`
const rejected = (target: string, code: string): string => `holdfast_rejected_total${of(target, `code="HOLDFAST_ERR_${code}"`)}`
const firing = (target: string, value?: string): readonly Firing[] => [{ labels: { job: 'holdfast', target }, ...value === undefined ? {} : { value } }]
const onInstance = { job: 'holdfast', instance: 'a:9901' }

/** When a certificate ends, with time 0 at the beginning of the series. */
function certificateCase (alert: string, days: number, left: string): AlertCase {
  const end = days * 86_400
  const expiry = (target: string, instance: string): string =>
    `holdfast_certificate_expiry_timestamp_seconds{${JOB},instance="${instance}",target="${target}",certificate="backend"}`
  return {
    alert,
    series: {
      // One of two servers has been renewed; the other is, two hours later.
      [expiry('ends', 'a:9901')]: `${end}x120 ${end + 90 * 86_400}x200`,
      [expiry('ends', 'b:9901')]: `${end + 90 * 86_400}x320`,
      [expiry('lasts', 'a:9901')]: `${end + 7_200}x110 ${end + 90 * 86_400}x200`
    },
    at: { '0m': [], '60m': [{ labels: { job: 'holdfast', target: 'ends', certificate: 'backend' }, value: left }], '190m': [] }
  }
}

export const ALERT_CASES: readonly AlertCase[] = [
  {
    alert: 'HoldfastDown',
    series: { [`up{${JOB},instance="a:9901"}`]: '1 0 0 0 0 1 1', [`up{${JOB},instance="b:9901"}`]: '1x10', 'up{job="other",instance="c"}': '0x10' },
    at: { '2m': [], '3m': [{ labels: onInstance }], '5m': [] }
  },
  {
    alert: 'HoldfastAbsent',
    series: { 'up{job="other",instance="c"}': '1x20', [`up{${JOB},instance="a:9901"}`]: '_x10 1x10' },
    at: { '4m': [], '6m': [{ labels: { job: 'holdfast' } }], '12m': [] }
  },
  {
    alert: 'HoldfastTargetFailing',
    series: {
      [attempts('fails')]: '0+900x40', [attempts('fails', '503')]: '0+30x20 600x20', [attempts('fails', 'backend_active')]: '0+30x20 600x20',
      [attempts('below')]: '0+960x40', [attempts('below', '500')]: '0+40x40',
      [attempts('seldom asked')]: '0+5x40', [attempts('seldom asked', '500')]: '0+5x40',
      // 60 of 900 requests a minute have no connection; below: 39 of 900.
      [attempts('half reachable')]: '0+840x40', [rejected('half reachable', 'CONNECT_TIMEOUT')]: '0+30x20 600x20', [rejected('half reachable', 'CONNECT')]: '0+30x20 600x20',
      [attempts('mostly reachable')]: '0+861x40', [rejected('mostly reachable', 'UNRESOLVABLE')]: '0+39x40',
      [attempts('never reachable')]: '0x40', [rejected('never reachable', 'TLS')]: '0+12x20 240x20',
      // Each lost connection is a failed attempt already: 40 of 1000.
      [attempts('loses some')]: '0+960x40', [attempts('loses some', 'backend_active')]: '0+40x40', [rejected('loses some', 'CONNECTION_LOST')]: '0+40x40',
      [attempts('asked for what is not')]: '0+10x40', [attempts('asked for what is not', '404')]: '0+600x40', [attempts('asked for what is not', 'client_gone')]: '0+600x40'
    },
    at: { '5m': [], '15m': [...firing('fails', '6.25%'), ...firing('half reachable', '6.667%'), ...firing('never reachable', '100%')], '27m': [] }
  },
  {
    alert: 'HoldfastNoDialSucceeds',
    series: {
      [rejected('gone', 'CONNECT')]: '0+6x20 120x20', [rejected('gone', 'CONNECT_TIMEOUT')]: '0+6x20 120x20', [`holdfast_connections_opened_total${of('gone')}`]: '5x40',
      [rejected('half gone', 'CONNECT')]: '0+60x40', [`holdfast_connections_opened_total${of('half gone')}`]: '0+1x40',
      // Its requests go over the connections that are open.
      [`holdfast_dial_failures_total${of('warm', 'error_type="ECONNREFUSED"')}`]: '0x4 1x6 1+60x30', [rejected('warm', 'CONNECT')]: '0x40', [`holdfast_connections_opened_total${of('warm')}`]: '5x40',
      [rejected('below', 'UNRESOLVABLE')]: '0+5x40', [`holdfast_connections_opened_total${of('below')}`]: '0x40'
    },
    at: { '2m': [], '10m': firing('gone'), '27m': [] }
  },
  {
    alert: 'HoldfastTargetNonPersistent',
    series: {
      [`holdfast_persistence_state${of('closes', 'state="non-persistent"')}`]: '0x2 1x30 0x10', [`holdfast_idle_limit_seconds${of('closes', 'source="configured"')}`]: '60x50',
      [`holdfast_persistence_state${of('meant so', 'state="non-persistent"')}`]: '1x50', [`holdfast_idle_limit_seconds${of('meant so', 'source="configured"')}`]: '0x50',
      [`holdfast_persistence_state${of('on trial', 'state="trial"')}`]: '1x50', [`holdfast_idle_limit_seconds${of('on trial', 'source="configured"')}`]: '60x50'
    },
    at: { '17m': [], '20m': firing('closes'), '36m': [] }
  },
  {
    alert: 'HoldfastQueueRefusing',
    series: {
      [rejected('full', 'QUEUE_FULL')]: '0+12x10 120x20',
      [rejected('slow', 'QUEUE_TIMEOUT')]: '0x4 12+12x6 84x20',
      [rejected('once', 'QUEUE_FULL')]: '0x4 1x30', [rejected('below', 'QUEUE_TIMEOUT')]: '0+5x30',
      [rejected('down', 'CONNECT')]: '0+60x40',
      [rejected('was full', 'QUEUE_FULL')]: '9x40'
    },
    at: { '2m': [], '6m': firing('full'), '8m': firing('full'), '10m': [...firing('full'), ...firing('slow')], '20m': [] }
  },
  {
    alert: 'HoldfastBoundRefusing',
    series: {
      [rejected('tunnels', 'TOO_MANY_UPGRADES')]: '0+12x10 120x20',
      [rejected('dynamic', 'TOO_MANY_TARGETS')]: '0+12x10 120x20',
      [rejected('once', 'TOO_MANY_UPGRADES')]: '0x2 1x30', [rejected('below', 'TOO_MANY_TARGETS')]: '0+5x30',
      [rejected('full', 'QUEUE_FULL')]: '0+60x40'
    },
    at: { '2m': [], '5m': [...firing('tunnels'), ...firing('dynamic')], '20m': [] }
  },
  {
    alert: 'HoldfastStaleHits',
    series: {
      [attempts('hangs up')]: '0+1000x70', [`holdfast_retries_total${of('hangs up', 'kind="stale"')}`]: '0+15x40 600x40', [`holdfast_retries_total${of('hangs up', 'kind="unwritten"')}`]: '0+5x40 200x40',
      [attempts('below')]: '0+1000x70', [`holdfast_retries_total${of('below', 'kind="stale"')}`]: '0+9x70',
      [attempts('restarts')]: '0+1000x70', [`holdfast_retries_total${of('restarts', 'kind="connect"')}`]: '0+100x70'
    },
    at: { '15m': [], '30m': firing('hangs up', '2%'), '58m': [] }
  },
  {
    alert: 'HoldfastConnectionsAtBound',
    series: {
      [`http_client_open_connections${of('full', 'http_connection_state="active"')}`]: '116x20 100x20', [`holdfast_connections_limit${of('full')}`]: '128x40',
      [`http_client_open_connections${of('below', 'http_connection_state="active"')}`]: '115x40', [`holdfast_connections_limit${of('below')}`]: '128x40',
      [`http_client_open_connections${of('idle', 'http_connection_state="idle"')}`]: '128x40', [`holdfast_connections_limit${of('idle')}`]: '128x40',
      [`http_client_open_connections${of('without a bound', 'http_connection_state="active"')}`]: '9000x40'
    },
    at: { '4m': [], '10m': [{ labels: { ...onInstance, target: 'full' }, value: '90.62%' }], '22m': [] }
  },
  {
    alert: 'HoldfastEndpointsEjected',
    series: {
      [`holdfast_endpoints${of('broken', 'state="ejected"')}`]: '0x4 2x20 0x20', [`holdfast_endpoints${of('broken', 'state="up"')}`]: '6x4 4x20 6x20',
      // Of four that do not leave, one is ejected.
      [`holdfast_endpoints${of('below', 'state="ejected"')}`]: '1x50', [`holdfast_endpoints${of('below', 'state="up"')}`]: '3x50', [`holdfast_endpoints${of('below', 'state="leaving"')}`]: '0x50',
      [`holdfast_endpoints${of('rolls over', 'state="leaving"')}`]: '4x50', [`holdfast_endpoints${of('rolls over', 'state="up"')}`]: '4x50', [`holdfast_endpoints${of('rolls over', 'state="ejected"')}`]: '0x50',
      // Seen by one gateway of two.
      [`holdfast_endpoints${of('seen by one', 'state="ejected"')}`]: '2x50', [`holdfast_endpoints${of('seen by one', 'state="up"')}`]: '2x50',
      [`holdfast_endpoints{${JOB},instance="b:9901",target="seen by one",state="up"}`]: '4x50'
    },
    at: { '4m': [], '15m': firing('broken', '33.33%'), '35m': [] }
  },
  {
    alert: 'HoldfastDiscoveryOld',
    series: {
      [`holdfast_discovery_failures_total${of('outage')}`]: '0x4 0+6x20 120x20', [`holdfast_discovery_age_seconds${of('outage')}`]: '5x4 0+60x20 5x20',
      [`holdfast_discovery_failures_total${of('never answered')}`]: '0+2x24 48x20',
      [`holdfast_discovery_failures_total${of('fails now and then')}`]: '0+6x50', [`holdfast_discovery_age_seconds${of('fails now and then')}`]: '120x50',
      [`holdfast_discovery_failures_total${of('quiet watch')}`]: '3x50', [`holdfast_discovery_age_seconds${of('quiet watch')}`]: '0+60x50'
    },
    at: { '4m': [], '16m': [...firing('outage'), ...firing('never answered')], '40m': [] }
  },
  {
    alert: 'HoldfastEventLoopLate',
    series: {
      [`nodejs_eventloop_lag_p99_seconds{${JOB},instance="a:9901"}`]: '0.25x20 0.02x20', [`nodejs_eventloop_lag_p99_seconds{${JOB},instance="b:9901"}`]: '0.2x40',
      'nodejs_eventloop_lag_p99_seconds{job="other",instance="c"}': '9x40'
    },
    at: { '4m': [], '10m': [{ labels: onInstance, value: '250ms' }], '22m': [] }
  },
  certificateCase('HoldfastCertificateEnding', 14, '13d 23h 0m 0s'),
  certificateCase('HoldfastCertificateEndsNow', 2, '1d 23h 0m 0s')
]
