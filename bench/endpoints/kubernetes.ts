import { setTimeout as wait } from 'node:timers/promises'
import { type SliceObject, startKubernetesApi } from '../../testing/kubernetes-api.js'
import { quick } from '../instruments/bounds.js'
import type { Row } from '../instruments/table.js'
import { type EndpointsGateway, startEndpointsGateway, states } from './endpoints-gateway.js'
import { addresses, startFleet } from './fleet.js'
import { holdNoFailure } from './outcomes.js'
import type { Scenario } from './scenario.js'
import { epochMs } from './time.js'
import { Traffic } from './traffic.js'

const PER_SECOND = 300
const OUTAGE_MS = quick ? 3_000 : 60_000
const FOLLOWED_WITHIN = 1_000

type Holds = Parameters<EndpointsGateway['until']>[0]
interface Pod { readonly host: string, readonly ready?: boolean, readonly terminating?: boolean }

export const kubernetes: Scenario = {
  name: 'kubernetes',
  title: `kubernetes+http: pods come, terminate and go, and the API server fails, ${PER_SECOND} GETs/s`,
  async run (bounds, started) {
    const api = await startKubernetesApi()
    started.add({ stop: () => api.close() })
    const hosts = addresses(5)
    const fleet = started.add(await startFleet({ hosts }))
    const sliceOf = (name: string, pods: readonly Pod[]): SliceObject => slice(name, pods, fleet.setup.port)
    // One pod is in two slices, as while a slice is filled anew.
    api.apply(sliceOf('users-a', hosts.slice(0, 3).map(host => ({ host }))))
    api.apply(sliceOf('users-b', hosts.slice(2, 4).map(host => ({ host }))))
    const gateway = started.add(await startEndpointsGateway({
      gateway: { discovery: { kubernetes: { url: `http://127.0.0.1:${api.port}` } } },
      routes: [{ upstream: 'kubernetes+http://users.shop:http' }]
    }))
    await gateway.until(endpoints => endpoints.length === 4)
    const traffic = new Traffic(gateway.url, PER_SECOND, () => ({}))
    const rows: Row[] = []
    const followed = async (what: string, change: () => void, holds: Holds, within = FOLLOWED_WITHIN): Promise<void> => {
      const began = epochMs()
      change()
      await gateway.until(holds, within + 10_000)
      const ms = Math.round(epochMs() - began)
      bounds.hold(`${what}: followed within ${within} ms`, ms <= within, `${ms} ms`)
      rows.push({ what, 'followed after, ms': ms })
      await wait(500)
    }
    const last = hosts[4]!
    const isUp: Holds = endpoints => endpoints.some(({ address, state }) => address.startsWith(`${last}:`) && state === 'up')
    const isLeaving: Holds = endpoints => endpoints.some(({ address, state }) => address.startsWith(`${last}:`) && state === 'leaving')
    const isGone: Holds = endpoints => endpoints.every(({ address, state }) => !address.startsWith(`${last}:`) || state === 'gone')
    await wait(1_000)
    const fourth = { host: hosts[3]! }
    await followed('a pod is added', () => api.apply(sliceOf('users-b', [fourth, { host: last }])), isUp)
    const terminating = { host: last, ready: false, terminating: true }
    await followed('a pod terminates', () => api.apply(sliceOf('users-b', [fourth, terminating])), isLeaving)
    const leaving = epochMs()
    await wait(500)
    const toLeaving = traffic.sent.filter(({ by, began }) => by === last && began > leaving)
    bounds.hold('a pod that terminates gets no new request', toLeaving.length === 0, String(toLeaving.length))
    await followed('a pod is removed', () => api.apply(sliceOf('users-b', [fourth])), isGone)
    await followed('the watch is cut, and its version is too old', () => {
      api.cutWatches()
      api.apply(sliceOf('users-b', [fourth, { host: last }]))
      api.compact()
    }, isUp, 3_000)

    const before = (await gateway.ask('changes', {})).length
    api.refuse = () => ({ status: 500 })
    api.cutWatches()
    await wait(OUTAGE_MS)
    const during = (await gateway.ask('changes', {})).slice(before)
    const endpoints = await gateway.ask('endpoints', {})
    bounds.hold('an outage of the API server changes nothing', during.length === 0 && endpoints.length === 5, states(endpoints))
    rows.push({ what: `an outage of ${OUTAGE_MS} ms`, 'followed after, ms': '-' })
    await followed('the API server is back', () => {
      api.refuse = () => undefined
      api.apply(sliceOf('users-b', [fourth]))
    }, isGone, 35_000)
    const sent = await traffic.stop()
    holdNoFailure(bounds, sent)
    return rows
  }
}

function slice (name: string, pods: readonly Pod[], port: number): SliceObject {
  return {
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': 'users' } },
    addressType: 'IPv4',
    endpoints: pods.map(({ host, ready = true, terminating = false }) => ({
      addresses: [host],
      conditions: { ready, serving: true, terminating },
      targetRef: { kind: 'Pod', name: `users-${host}`, uid: `uid-${host}` }
    })),
    ports: [{ name: 'http', port, protocol: 'TCP' }]
  }
}
