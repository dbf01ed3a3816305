import type { FastifyServerOptions } from 'fastify'
import type { GatewayOptions, ProxyOptions } from '../../src/index.js'
import type { BackendRequest } from '../../testing/backend.js'

/**
 * What one side does next. A string is written as Latin-1 bytes. `pause` is in ms; `bytes` waits until so many have come in
 * all; `responses` (of a client) until so many have come, interim ones included. `repeat` writes the same bytes again and again.
 */
export type Step = string | Buffer | { pause: number } | { bytes: number } | { responses: number } |
  { repeat: string | Buffer, times: number, every?: number } | { do: Action }

/**
 * `fin` half-closes; `reset` sends an RST; `echo` (of a backend) sends back what comes from now on. `canary` (of a client) asks
 * the canary route and fails unless it answers within a second; `drain` has the gateway drain; `settle` waits until the
 * backend has had a request.
 */
export type Action = 'fin' | 'reset' | 'stop reading' | 'read on' | 'echo' | 'canary' | 'drain' | 'settle'

export type Script = string | Buffer | readonly Step[]

/**
 * What the backend does. `none`: it must not be asked, not even dialled. `refuses`: nobody listens. `silent`: it accepts and says
 * nothing, in answer to a TLS handshake neither. A script answers each request once it is here in full (`on: 'head'`: once its head is; `on: 'connection'`: at once
 * when a connection is accepted). `answers`: one script a request in the order in which they come, the last one for all others.
 * Left out: it answers 200 with the request's x-id.
 */
export type BackendDoes = 'none' | 'refuses' | 'silent' | Script | { on: 'head' | 'connection', script: Script } |
  { answers: readonly Script[] } | ((request: BackendRequest, nth: number) => Script)

type HeaderExpectation = string | RegExp | null | readonly string[]

/** What the client is to get for one request. A header that is null must be absent; a list is its lines, in order. */
export interface Sees {
  status: number | readonly number[]
  headers?: Record<string, HeaderExpectation>
  body?: string | RegExp
  /** The body must be cut off: the connection ends before it does. `or 502`: or a whole 502 comes in its place. */
  cut?: boolean | 'or 502'
  /** Statuses of the interim responses before it. Default: none. */
  interim?: readonly number[]
  /** Least and most ms from the client's first byte. */
  within?: readonly [number, number]
}

/** One client connection: what it does, and what it gets. */
export interface Party {
  client: Script
  /** One for each request that is to be answered. */
  sees: Sees | readonly Sees[]
  /** Whether the gateway then closes. `false` is proved by a further request on the connection. Left out: either. */
  closed?: boolean
  /** Methods of the requests, where they cannot be read off the client's bytes. */
  methods?: readonly string[]
  /** What comes after the responses: a tunnel's bytes. */
  raw?: string | RegExp
}

/** What the backend is to have been sent. */
export interface BackendSees {
  requests?: number | readonly [number, number]
  connections?: number | readonly [number, number]
  methods?: readonly string[]
  paths?: readonly string[]
  /** Of the first request. */
  headers?: Record<string, HeaderExpectation>
  /** In any request's head. */
  lacks?: readonly (string | RegExp)[]
  bodies?: readonly (string | RegExp)[]
}

export interface CaseOptions {
  gateway?: GatewayOptions
  route?: Omit<ProxyOptions, 'upstream'>
  fastify?: Pick<FastifyServerOptions, 'trustProxy' | 'bodyLimit' | 'requestTimeout'>
  /** The backend's certificate: `trusted` gives the gateway its issuer, `unknown` does not. */
  tls?: 'trusted' | 'unknown'
}

interface CaseBase {
  name: string
  options?: CaseOptions
  backend?: BackendDoes
  backendSees?: BackendSees
  /** Why the gateway does not hold this yet. It is run all the same. */
  todo?: string
  /** How long it may take in all, in ms. 10 000. */
  limit?: number
  /** Clients send this unsafe request more than once. */
  repeats?: boolean
  /** The backend leaves a FIN unanswered until its script ends the connection. */
  halfOpen?: boolean
  /** The gateway need not answer a canary afterwards: it has been shut. */
  ends?: boolean
}

export type Case = CaseBase & (Party | { clients: readonly Party[] })

export function partiesOf (one: Case): readonly Party[] {
  return 'clients' in one ? one.clients : [one]
}

export function stepsOf (script: Script): readonly Step[] {
  return typeof script === 'string' || Buffer.isBuffer(script) ? [script] : script
}

export function bytesOf (text: string | Buffer): Buffer {
  return typeof text === 'string' ? Buffer.from(text, 'latin1') : text
}
