/**
 * The states of an endpoint. `joining`: known, and not heard yet. `up`: it serves. `ejected`: its failures, or its health checks, have
 * taken it out of choice. `leaving`: it finishes what it has. `gone`: nothing of it is left, and it never returns; an address that is
 * listed again is a new endpoint.
 */
export type EndpointState = 'joining' | 'up' | 'ejected' | 'leaving' | 'gone'

/**
 * What an ejection was concluded from: a cause of failures (evidence.ts), or who asked for it (ejection.ts).
 */
export type EjectionCause = 'refused' | 'dial' | 'lost' | 'timeout' | 'status' | 'operator' | 'check' | 'retry_after'

/** What makes an endpoint leave: it is no longer listed, an operator drains it, or it behaves like a server in its graceful stop. */
export type Leaver = 'discovery' | 'operator' | 'evidence'

/** Where an endpoint is in its life. Times in ms, on the clock of the `now` that is handed in. */
export interface EndpointLife {
  readonly state: EndpointState
  /** Since when it has this state. */
  readonly since: number
  /** Why it has this state, for a person. */
  readonly cause: string
  /** What makes it leave; it stays again when none is left. Empty unless it is leaving or gone. */
  readonly leavers: readonly Leaver[]
  /** Why it is ejected, also while it is leaving; undefined while it is not. */
  readonly ejected: string | undefined
  /** Whether it has ever been up. */
  readonly served: boolean
  /** Whether it gets no new request before it is up, because a health check decides on that. */
  readonly awaitsCheck: boolean
}

export type EndpointEvent =
  /** It has answered a request; or, where a health check decides, it has passed one. */
  | { readonly type: 'serves', readonly cause: string }
  | { readonly type: 'ejected', readonly cause: string }
  /** Its ejection has ended. */
  | { readonly type: 'returned', readonly cause: string }
  | { readonly type: 'leave', readonly by: Leaver, readonly cause: string }
  /** The reason to leave no longer holds: it is listed again, an operator undrains it, or it keeps connections again. */
  | { readonly type: 'stay', readonly by: Leaver, readonly cause: string }
  /** Its last connection and its last tunnel have ended. */
  | { readonly type: 'finished', readonly cause: string }

/** A new endpoint. @param awaitsCheck whether it gets new requests only after a health check has passed */
export function newEndpoint (now: number, cause: string, awaitsCheck = false): EndpointLife {
  return { state: 'joining', since: now, cause, leavers: [], ejected: undefined, served: false, awaitsCheck }
}

/**
 * The state after an event: the same object where the event changes nothing.
 *
 * An ejection goes on while the endpoint leaves, so that an endpoint that stays after all is as ejected as before. An operator who undrains
 * an endpoint knows better than the evidence: this ends both. What discovery has removed stays removed until it is listed again.
 */
export function nextLife (life: EndpointLife, event: EndpointEvent, now: number): EndpointLife {
  if (life.state === 'gone') return life
  switch (event.type) {
    case 'serves':
      return life.state === 'joining' ? settled({ ...life, served: true }, now, event.cause) : life
    case 'ejected':
      if (life.ejected !== undefined) return life
      return settled({ ...life, ejected: event.cause }, now, event.cause)
    case 'returned':
      if (life.ejected === undefined) return life
      return settled({ ...life, ejected: undefined, served: true }, now, event.cause)
    case 'leave':
      if (life.leavers.includes(event.by)) return life
      return settled({ ...life, leavers: [...life.leavers, event.by] }, now, event.cause)
    case 'stay': {
      const leavers = life.leavers.filter(by => by !== event.by && !(event.by === 'operator' && by === 'evidence'))
      return leavers.length === life.leavers.length ? life : settled({ ...life, leavers }, now, life.ejected ?? event.cause)
    }
    case 'finished':
      return life.state === 'leaving' ? { ...life, state: 'gone', since: now, cause: event.cause } : life
  }
}

/** The same life, with the state that its other fields result in. The time and the cause change with the state only. */
function settled (life: EndpointLife, now: number, cause: string): EndpointLife {
  const state = life.leavers.length > 0 ? 'leaving' : life.ejected !== undefined ? 'ejected' : life.served ? 'up' : 'joining'
  return state === life.state ? life : { ...life, state, since: now, cause }
}
