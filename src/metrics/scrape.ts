import type { Persistence } from '../connection/observer.js'
import { bareHost } from '../http/bare-host.js'
import { urlPort } from '../http/url-port.js'
import type { TargetRegistry } from '../target/registry.js'
import type { Target, TargetSnapshot } from '../target/target.js'
import type { Recorder } from './recorder.js'
import type { Labels, Scrape } from './sample.js'
import { scrapeEndpoints } from './scrape-endpoints.js'
import { DYNAMIC, METRICS } from './table.js'
import type { TargetFigures } from './target-figures.js'

const STATES: readonly Persistence[] = ['persistent', 'non-persistent', 'trial']
/** Whether an app should get requests, as `/health/ready` says it. */
export type ReadinessState = typeof READINESS[number]

const READINESS = ['ready', 'draining', 'pressure'] as const
const CERTIFICATES = ['backend', 'client'] as const
const SOURCES = ['configured', 'hinted', 'learned', 'effective'] as const

/** All figures of this moment, by metric. */
export function scrape (targets: TargetRegistry, recorder: Recorder, readiness: ReadinessState): Scrape {
  recorder.prune()
  const all = {} as Scrape
  for (const { name } of METRICS) all[name] = []
  for (const state of READINESS) all.holdfast_readiness_state.push({ labels: { state }, value: state === readiness ? 1 : 0 })
  const dynamic: TargetSnapshot[] = []
  for (const target of targets) {
    const snapshot = target.snapshot()
    if (recorder.labelOf(target.name) === DYNAMIC) {
      dynamic.push(snapshot)
      continue
    }
    const own = { target: target.name }
    const figures = recorder.figuresOf(target.name)
    count(all, figures, [snapshot], own, { ...own, ...serverOf(target) })
    believe(all, snapshot, own)
    scrapeEndpoints(all, snapshot, figures, own, recorder.now())
  }
  if (dynamic.length > 0 || recorder.hasDynamic) {
    const own = { target: DYNAMIC }
    count(all, recorder.figuresOf(DYNAMIC), dynamic, own, own)
  }
  for (const [route, durations] of recorder.routes) {
    all.http_server_request_duration_seconds.push(...durations.samples('http_server_request_duration_seconds', route === undefined ? {} : { http_route: route }))
  }
  return all
}

/** Figures that can be added up over targets. */
function count (all: Scrape, figures: TargetFigures, snapshots: readonly TargetSnapshot[], own: Labels, server: Labels): void {
  const sum = (of: (snapshot: TargetSnapshot) => number): number => snapshots.reduce((total, snapshot) => total + of(snapshot), 0)
  all.http_client_open_connections.push(
    { labels: { ...server, http_connection_state: 'active' }, value: sum(({ connections }) => connections.active) },
    { labels: { ...server, http_connection_state: 'idle' }, value: sum(({ connections }) => connections.idle) }
  )
  all.http_client_connection_duration_seconds.push(...figures.connectionDurations.samples('http_client_connection_duration_seconds', server))
  all.http_client_active_requests.push({ labels: server, value: figures.activeRequests })
  all.http_client_request_duration_seconds.push(...figures.requestDurations.samples('http_client_request_duration_seconds', server))
  all.holdfast_connections_opened_total.push({ labels: own, value: figures.opened })
  all.holdfast_connection_closes_total.push(...figures.closes.samples(own))
  all.holdfast_connect_duration_seconds.push(...figures.connectDurations.samples('holdfast_connect_duration_seconds', own))
  all.holdfast_dial_failures_total.push(...figures.dialFailures.samples(own))
  all.holdfast_handshakes_saved_total.push({ labels: own, value: figures.handshakesSaved })
  all.holdfast_connect_seconds_saved_total.push({ labels: own, value: figures.connectMsSaved / 1_000 })
  all.holdfast_retries_total.push(...figures.retries.samples(own))
  all.holdfast_rejected_total.push(...figures.rejected.samples(own))
  all.holdfast_queue_wait_seconds.push(...figures.queueWaits.samples('holdfast_queue_wait_seconds', own))
  all.holdfast_pending_requests.push({ labels: own, value: sum(({ connections }) => connections.pending) })
  all.holdfast_upgraded_connections.push({ labels: own, value: sum(({ connections }) => connections.upgraded) })
  all.holdfast_sentinels.push({ labels: own, value: sum(({ sentinel }) => sentinel === undefined ? 0 : 1) })
}

/** Figures of one target, which cannot be added up. */
function believe (all: Scrape, { persistence, idleLimit, limits, certificates }: TargetSnapshot, own: Labels): void {
  for (const state of STATES) all.holdfast_persistence_state.push({ labels: { ...own, state }, value: state === persistence ? 1 : 0 })
  for (const source of SOURCES) {
    const ms = idleLimit[source]
    if (ms !== undefined) all.holdfast_idle_limit_seconds.push({ labels: { ...own, source }, value: ms / 1_000 })
  }
  const { connections } = limits.undiciOptions
  if (Number.isFinite(connections)) all.holdfast_connections_limit.push({ labels: own, value: connections })
  for (const certificate of CERTIFICATES) {
    const end = certificates[certificate]
    if (end !== undefined) all.holdfast_certificate_expiry_timestamp_seconds.push({ labels: { ...own, certificate }, value: end / 1_000 })
  }
}

/** OpenTelemetry's `server.address` and `server.port`. For a unix socket the address is its path, and there is no port. */
function serverOf ({ origin, options: { undiciOptions: { socketPath } } }: Target): Labels {
  if (socketPath !== undefined) return { server_address: socketPath }
  const url = new URL(origin)
  return { server_address: bareHost(url), server_port: urlPort(url) }
}
