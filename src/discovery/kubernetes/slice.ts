import { isIP, isIPv4, isIPv6 } from 'node:net'
import { canonical } from '../families.js'

/** A port of an EndpointSlice: that of the pods, under the name that the Service gives it. */
export interface SlicePort {
  /** '' if it has none: a Service with a single port need not name it. */
  readonly name: string
  /** undefined: all ports. */
  readonly port: number | undefined
  readonly appProtocol: string | undefined
}

/** An endpoint that serves, of an EndpointSlice. */
export interface SliceEndpoint {
  /** An IP address, or a name in a slice of type FQDN. */
  readonly address: string
  /** 4, 6, or 0 for a name. */
  readonly family: number
  readonly terminating: boolean
  /** Of what runs there, mostly a pod: its uid and name. */
  readonly uid: string | undefined
  readonly targetName: string | undefined
  readonly zone: string | undefined
}

/** What an EndpointSlice (discovery.k8s.io/v1) says. */
export interface Slice { readonly name: string, readonly ports: readonly SlicePort[], readonly endpoints: readonly SliceEndpoint[] }

type Json = Readonly<{ [key: string]: unknown }>

/** An EndpointSlice as the API server writes it; undefined if it is none. Endpoints and ports that make no sense are left out. */
export function readSlice (value: unknown): Slice | undefined {
  const object = objectOf(value)
  const name = textOf(objectOf(object['metadata'])['name'])
  if (name === undefined) return undefined
  const isAddress = { IPv4: isIPv4, IPv6: isIPv6, FQDN: (address: string) => address !== '' }[textOf(object['addressType']) ?? '']
  if (isAddress === undefined) return undefined
  return {
    name,
    ports: objectsOf(object['ports']).filter(isTcp).map(readPort).filter(port => port !== undefined),
    endpoints: objectsOf(object['endpoints']).map(endpoint => readEndpoint(endpoint, isAddress)).filter(endpoint => endpoint !== undefined)
  }
}

function readEndpoint (endpoint: Json, isAddress: (address: string) => boolean): SliceEndpoint | undefined {
  // "Consumers must handle different types of addresses"; only the first has a meaning, and slices of the control plane have one.
  const [address] = listOf(endpoint['addresses'])
  if (typeof address !== 'string' || !isAddress(address)) return undefined
  const conditions = objectOf(endpoint['conditions'])
  // What is not said: ready, serving as it is ready, not terminating (EndpointConditions of the API).
  const ready = conditions['ready'] ?? true
  const serving = conditions['serving'] ?? ready
  if (serving !== true) return undefined
  const target = objectOf(endpoint['targetRef'])
  return {
    address: canonical(address),
    family: isIP(address),
    terminating: conditions['terminating'] === true,
    uid: textOf(target['uid']),
    targetName: target['kind'] === 'Pod' ? textOf(target['name']) : undefined,
    zone: textOf(endpoint['zone'])
  }
}

function isTcp ({ protocol }: Json): boolean {
  return (protocol ?? 'TCP') === 'TCP'
}

function readPort ({ name, port, appProtocol }: Json): SlicePort | undefined {
  const number = port ?? undefined
  if (number !== undefined && !(Number.isInteger(number) && (number as number) > 0 && (number as number) < 65_536)) return undefined
  return { name: textOf(name) ?? '', port: number as number | undefined, appProtocol: textOf(appProtocol) }
}

function objectOf (value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Json : {}
}

function objectsOf (value: unknown): Json[] {
  return listOf(value).filter(one => typeof one === 'object' && one !== null).map(objectOf)
}

function listOf (value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function textOf (value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
