import type { FastifyServerOptions } from 'fastify'
import type { GatewayOptions, ProxyOptions } from '../../src/index.js'
import type { BackendRequest } from '../../testing/backend.js'

/**
 * What one side does next. A string is written as Latin-1 bytes. `pause` is in ms. `bytes` waits until so many bytes have come in all.
 * `responses` (of a client) waits for so many responses, interim ones included. `repeat` writes the same bytes several times.
 */
export type Step = string | Buffer | { pause: number } | { bytes: number } | { responses: number } |
  { repeat: string | Buffer, times: number, every?: number } | { do: Action }

/**
 * `fin` half-closes. `reset` sends an RST. `echo` (of a backend) sends back all later bytes. `canary` (of a client) requests the canary
 * route, and fails unless it answers within a second. `drain` makes the gateway drain. `settle` waits until the backend has received a
 * request.
 */
export type Action = 'fin' | 'reset' | 'stop reading' | 'read on' | 'echo' | 'canary' | 'drain' | 'settle'

export type Script = string | Buffer | readonly Step[]

/**
 * What the backend does. `none`: it must get no request and no dial. `refuses`: it has no listener. `silent`: it accepts and sends nothing,
 * not even for a TLS handshake. A script answers each request when it is whole (`on: 'head'`: when its head has come; `on: 'connection'`:
 * when a connection is accepted). `answers`: a script for each request in order, the last one for all further requests. Default: it answers
 * 200 with the request's x-id.
 */
export type BackendDoes = 'none' | 'refuses' | 'silent' | Script | { on: 'head' | 'connection', script: Script } |
  { answers: readonly Script[] } | ((request: BackendRequest, nth: number) => Script)

type HeaderExpectation = string | RegExp | null | readonly string[]

/** What the client must get for one request. A header that is null must be absent; a list is its lines, in order. */
export interface Sees {
  status: number | readonly number[]
  headers?: Record<string, HeaderExpectation>
  body?: string | RegExp
  /** The body must be cut off: the connection ends before the body. `or 502`: a whole 502 may come in its place. */
  cut?: boolean | 'or 502'
  /** Statuses of the interim responses before it. Default: none. */
  interim?: readonly number[]
  /** Least and most time from the client's first byte, in ms. */
  within?: readonly [number, number]
}

/** A client connection: what it does, and what it must get. */
export interface Party {
  client: Script
  /** One for each request that must be answered. */
  sees: Sees | readonly Sees[]
  /** Whether the gateway then closes. For `false` a further request on the connection must succeed. Without it, either. */
  closed?: boolean
  /** Methods of the requests, if the client's bytes do not show them. */
  methods?: readonly string[]
  /** Bytes after the responses: those of a tunnel. */
  raw?: string | RegExp
}

/** What the backend must have received. */
export interface BackendSees {
  requests?: number | readonly [number, number]
  connections?: number | readonly [number, number]
  methods?: readonly string[]
  paths?: readonly string[]
  /** The first request. */
  headers?: Record<string, HeaderExpectation>
  /** Texts that no request's head may contain. */
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
  /** Why the gateway does not pass this yet. The case runs all the same. */
  todo?: string
  /** The most time for the case, in ms. Default 10 000. */
  limit?: number
  /** Clients of this case send the same unsafe request more than once. */
  repeats?: boolean
  /** The backend does not answer a FIN until its script ends the connection. */
  halfOpen?: boolean
  /** The gateway is shut, so it need not answer a canary afterwards. */
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
