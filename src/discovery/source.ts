import { isIPv6 } from 'node:net'
import { bareHost } from '../http/bare-host.js'
import { urlPort } from '../http/url-port.js'

/** One endpoint of a target, as a source knows it. */
export interface Found {
  /**
   * What makes it the same endpoint in the next answer: its address and port, or in Kubernetes its pod and port. A pod that gets the
   * address of an earlier one is another endpoint.
   */
  readonly id: string
  /** The IP address to dial, or a name that each dial resolves. */
  readonly host: string
  /** Other addresses of the same endpoint (dual stack). A dial may try them too. */
  readonly otherHosts?: readonly string[]
  /** undefined: the default port of the target's scheme. */
  readonly port: number | undefined
  /** Its share of the requests, relative to others of the same priority. Above 0; it may be a fraction. */
  readonly weight: number
  /** Endpoints of a higher number are for when no endpoint of a lower one serves. From 0. */
  readonly priority: number
  /** It still serves what is bound to it, and shuts down: no new requests. */
  readonly leaving: boolean
  /** The zone it runs in, where the source knows it. */
  readonly zone?: string
  /** Endpoints of one group run the same version, so that what is learned of one holds for the others (a ReplicaSet of Kubernetes). */
  readonly group?: string
  /** What the source says is spoken there, as an EndpointSlice has it: `http`, `https`, `kubernetes.io/h2c` ... */
  readonly appProtocol?: string
}

/** What a source has found out. */
export interface Answer {
  readonly found: readonly Found[]
  /**
   * What it means that an endpoint of an earlier answer is missing. `held`: little, since DNS servers answer with parts of a list, or with
   * old lists. `gone`: the source vouches that it is no endpoint any more (Kubernetes, a user's function).
   */
  readonly absence: 'held' | 'gone'
  /** A part of the question that was not answered. What was known of that part is in `found`. */
  readonly fault?: DiscoveryFault
}

/**
 * Why a source has no answer, or only a part of one. `silent`: no answer in time. `denied`: no permission. `empty`: an answer without
 * endpoints. `invalid`: an answer that makes no sense. `failed`: anything else.
 */
export type FaultKind = 'silent' | 'denied' | 'empty' | 'invalid' | 'failed'

/** A failure of discovery. It removes no endpoint and reaches no client, so it has no code: it is for the log and the admin surface. */
export interface DiscoveryFault {
  /** What went wrong, in a word. */
  readonly kind: FaultKind
  /** One line: what is wrong, and the remedy where one is known. Two faults with the same message are one, for the log. */
  readonly message: string
  /** What was thrown, if anything was. The admin API does not show it. */
  readonly cause?: unknown
}

/** Gets what a source finds. */
export interface SourceListener {
  /** An answer, which may be equal to the one before. */
  found (answer: Answer): void
  /** There is no answer. What was found before still holds. */
  failed (fault: DiscoveryFault): void
}

/** Finds the endpoints of one target, until it is stopped. It removes no endpoint: `Discovery` decides what an answer means. */
export interface Source {
  /** Called once. The listener is never called within this call. */
  start (listener: SourceListener): void
  /** Ends all that is under way. The listener is not called any more. */
  stop (): void
  /** Asks soon, where this source asks at intervals. */
  refresh? (): void
}

/** Thrown by what a source asks, to say why there is no answer. */
export class DiscoveryFailure extends Error {
  readonly fault: DiscoveryFault

  constructor (kind: FaultKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'DiscoveryFailure'
    this.fault = cause === undefined ? { kind, message } : { kind, message, cause }
  }
}

/** The fault of anything that was thrown. @param what what failed, for the message */
export function faultOf (error: unknown, what: string): DiscoveryFault {
  if (error instanceof DiscoveryFailure) return error.fault
  return { kind: 'failed', message: `${what}: ${error instanceof Error ? error.message : String(error)}`, cause: error }
}

/** The `host:port` of an http: or https: URL: the address of an endpoint that is given as one. */
export function addressOf (url: URL): string {
  return addressId(bareHost(url), urlPort(url))
}

/** The id of an endpoint that its address alone identifies: `10.0.0.1:3000`, `[fd00::1]:3000`, `10.0.0.1`. */
export function addressId (host: string, port: number | undefined): string {
  const shown = isIPv6(host) ? `[${host}]` : host
  return port === undefined ? shown : `${shown}:${port}`
}
