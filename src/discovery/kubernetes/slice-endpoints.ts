import { isReachable, type Family } from '../families.js'
import { addressId, DiscoveryFailure, type Found } from '../source.js'
import type { Slice, SliceEndpoint, SlicePort } from './slice.js'

/** Which port: its name, its number at the pods, or undefined for the only one. */
export type WantedPort = string | number | undefined

interface Candidate extends SliceEndpoint { readonly port: number, readonly appProtocol: string | undefined }

// Pods of a Deployment are called after it, its ReplicaSet's hash, and five characters; both without vowels.
const REPLICA_SET = /^(.+-[bcdfghjklmnpqrstvwxz2456789]{5,10})-[bcdfghjklmnpqrstvwxz2456789]{5}$/

/**
 * The endpoints of a Service, of all its slices. Pure. A slice has addresses of one family, and while Kubernetes moves an endpoint to
 * another slice, both may have it. So:
 *
 * - What is in two slices is one endpoint, and leaves only if all of them say so.
 * - Addresses of one pod are one endpoint (dual stack): `otherHosts` has those of the second family.
 *
 * Throws a DiscoveryFailure if there are endpoints, and none has the port.
 *
 * @param families those that this machine can reach, the preferred one first
 */
export function endpointsOfSlices (slices: Iterable<Slice>, wanted: WantedPort, families: readonly Family[]): Found[] {
  const byAddress = new Map<string, Candidate>()
  const ports = new Map<string, SlicePort>()
  let passed = 0
  for (const slice of slices) {
    for (const port of slice.ports) ports.set(`${port.name} ${port.port}`, port)
    const port = portOf(slice, wanted)
    if (port === undefined) {
      passed += slice.endpoints.length
      continue
    }
    for (const endpoint of slice.endpoints) {
      const key = `${endpoint.address} ${port.port}`
      const terminating = endpoint.terminating && byAddress.get(key)?.terminating !== false
      byAddress.set(key, { ...endpoint, terminating, port: port.port, appProtocol: port.appProtocol })
    }
  }
  if (byAddress.size === 0 && passed > 0) throw new DiscoveryFailure('invalid', portMessage(wanted, [...ports.values()]))
  return grouped([...byAddress.values()], families).map(endpointOf)
}

/** The candidates of each endpoint by its id, the address to dial first. */
function grouped (candidates: readonly Candidate[], families: readonly Family[]): [id: string, group: Candidate[]][] {
  const ranks = new Map<number, number>([[0, 0], ...families.map((family, index): [number, number] => [family, index + 1])])
  // Loopback, of a family that leads nowhere.
  const last = families.length + 1
  const rank = ({ family }: Candidate): number => ranks.get(family) ?? last
  const groups = new Map<string, Candidate[][]>()
  for (const candidate of candidates.toSorted((a, b) => rank(a) - rank(b) || (a.address < b.address ? -1 : 1))) {
    if (rank(candidate) === last && !isReachable(candidate.address, families)) continue
    // A pod that has the address of one that is gone is another endpoint.
    const id = candidate.uid === undefined ? addressId(candidate.address, candidate.port) : `${candidate.uid}:${candidate.port}`
    const ofId = groups.get(id) ?? []
    groups.set(id, ofId)
    // Two addresses of one family are two endpoints, whatever they belong to: each is meant to get requests.
    const open = ofId.find(group => group.every(({ family }) => family !== candidate.family))
    if (open === undefined) ofId.push([candidate])
    else open.push(candidate)
  }
  const idOf = (id: string, index: number, group: readonly Candidate[]): string => index === 0 ? id : `${id} ${group[0]!.address}`
  return [...groups].flatMap(([id, ofId]) => ofId.map((group, index): [string, Candidate[]] => [idOf(id, index, group), group]))
}

function endpointOf ([id, group]: [id: string, group: readonly Candidate[]]): Found {
  const { address, port, targetName, zone, appProtocol } = group[0]!
  const version = REPLICA_SET.exec(targetName ?? '')?.[1]
  return {
    id,
    host: address,
    ...group.length > 1 && { otherHosts: group.slice(1).map(({ address }) => address) },
    port,
    weight: 1,
    priority: 0,
    leaving: group.every(({ terminating }) => terminating),
    ...zone !== undefined && { zone },
    ...version !== undefined && { group: version },
    ...appProtocol !== undefined && { appProtocol }
  }
}

function portOf ({ ports }: Slice, wanted: WantedPort): { port: number, appProtocol: string | undefined } | undefined {
  // The slices of a headless Service may have no ports at all, or one that stands for all of them.
  const found = wanted === undefined
    ? ports.length === 1 ? ports[0] : undefined
    : ports.find(({ name, port }) => typeof wanted === 'string' ? name === wanted : port === wanted || port === undefined)
  const port = found?.port ?? (typeof wanted === 'number' && (found !== undefined || ports.length === 0) ? wanted : undefined)
  return port === undefined ? undefined : { port, appProtocol: found?.appProtocol }
}

function portMessage (wanted: WantedPort, ports: readonly SlicePort[]): string {
  const list = ports.map(({ name, port = 'all' }) => `${name} ${port}`.trim()).sort().join(', ') || 'none'
  if (wanted === undefined) {
    return `its EndpointSlices have several ports (${list}); write the name of one behind the service, like users.shop:http`
  }
  const remedy = typeof wanted === 'number'
    ? 'a number is the port of the pods (targetPort), not that of the Service; or give the name'
    : 'give one of these names'
  return `its EndpointSlices have no port ${wanted}, but ${list}; ${remedy}`
}
