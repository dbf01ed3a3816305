import type { EndpointSnapshot } from '../endpoint/endpoint-snapshot.js'
import type { EndpointState } from '../endpoint/endpoint-state.js'
import type { TargetSnapshot } from '../target/target.js'
import type { EndpointFigure } from './endpoint-figures.js'
import type { Labels, Scrape } from './sample.js'
import { OTHER } from './table.js'
import type { TargetFigures } from './target-figures.js'

const STATES: readonly (Exclude<EndpointState, 'gone'> | 'refusing')[] = ['joining', 'up', 'refusing', 'ejected', 'leaving']
const CONNECTION_STATES = ['active', 'idle', 'connecting', 'upgraded'] as const

/** Whether a target is one plain endpoint. The metrics of such a target say all that there is to say of its endpoint. */
function isPlain ({ endpoints, discovery }: TargetSnapshot): boolean {
  return endpoints.length <= 1 && discovery === undefined
}

/** Figures of one target by endpoint, and of how its endpoints are found. */
export function scrapeEndpoints (all: Scrape, snapshot: TargetSnapshot, figures: TargetFigures, own: Labels, now: number): void {
  const { endpoints, discovery } = snapshot
  if (figures.endpoints === undefined || isPlain(snapshot)) return
  for (const state of STATES) {
    all.holdfast_endpoints.push({ labels: { ...own, state }, value: endpoints.filter(endpoint => stateOf(endpoint) === state).length })
  }
  all.holdfast_endpoint_ejections_total.push(...figures.ejections.samples(own))
  const { shown, others } = figures.endpoints.read(endpoints, now)
  for (const { id, figure, snapshot } of shown) {
    const labels = { ...own, endpoint: id, ...figure.address === undefined ? undefined : { address: figure.address } }
    count(all, figure, snapshot === undefined ? [] : [snapshot], labels)
    // 0 is what an endpoint has before its first exchange.
    const exchangeMs = snapshot?.exchangeMs ?? 0
    if (exchangeMs > 0) all.holdfast_endpoint_exchange_seconds.push({ labels, value: exchangeMs / 1_000 })
  }
  if (others !== undefined) count(all, others.figure, others.snapshots, { ...own, endpoint: OTHER })
  if (discovery === undefined) return
  if (discovery.age !== undefined) all.holdfast_discovery_age_seconds.push({ labels: own, value: discovery.age / 1_000 })
  all.holdfast_discovery_failures_total.push({ labels: own, value: discovery.failures })
  all.holdfast_discovery_missing_endpoints.push({ labels: own, value: discovery.missing })
}

/** Its state, where `refusing` comes before `joining` and `up`: no new connection to it can be made. */
function stateOf ({ state, refusing }: EndpointSnapshot): EndpointState | 'refusing' {
  return refusing && (state === 'joining' || state === 'up') ? 'refusing' : state
}

/** Figures that can be added up over endpoints. One that is gone has no connections to count. */
function count (all: Scrape, { requests, failures }: EndpointFigure, snapshots: readonly EndpointSnapshot[], labels: Labels): void {
  all.holdfast_endpoint_requests_total.push({ labels, value: requests })
  all.holdfast_endpoint_failures_total.push({ labels, value: failures })
  if (snapshots.length === 0) return
  for (const state of CONNECTION_STATES) {
    const value = snapshots.reduce((sum, { connections }) => sum + connections[state], 0)
    all.holdfast_endpoint_connections.push({ labels: { ...labels, state }, value })
  }
}
