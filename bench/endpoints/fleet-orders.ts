/** How an address answers. */
export interface Behaviour {
  /** The least and the greatest time to an answer, in ms. */
  readonly takes: readonly [number, number]
  readonly status: number
  /** Of a `Retry-After` field, in s. */
  readonly retryAfter?: number | undefined
  /** Each request is read, and its connection reset without an answer. */
  readonly resets: boolean
  /** The part of the requests on reused connections that meet an idle close, by FIN and RST in turn. */
  readonly races: number
}

export const ANSWERS: Behaviour = { takes: [2, 8], status: 200, resets: false, races: 0 }

export interface FleetSetup {
  /** Addresses of loopback. */
  readonly hosts: readonly string[]
  readonly port: number
  readonly seed?: number
  /** Of its accept queues. Default: Node's. */
  readonly backlog?: number
  /** Whether answers after SIGTERM say `Connection: close`. */
  readonly announces?: boolean
  /** Its idle timeout, in ms. Default: Node's own. */
  readonly keepAliveMs?: number
}

export interface HostCounts {
  connections: number
  /** Requests that it has answered, or is about to. */
  requests: number
  resets: number
  raced: number
  /** The sum of the times of all requests, in ms. */
  busyMs: number
  mostInFlight: number
  inFlight: number
}

/** What the process is told. @property hosts undefined: all of them */
export interface Order { readonly id: number, readonly hosts?: readonly string[], readonly behaviour?: Partial<Behaviour> }
