/**
 * Whether an endpoint refuses its dials: nothing listens there. A refusal costs nothing and proves much, so this acts on the first one,
 * before any ejection, and where no ejection is possible: at `maxEjected`, or for the only endpoint of a target. Times in ms.
 */
export interface Refusal {
  /** Since when no dial has succeeded; undefined while the endpoint does not refuse. */
  readonly since: number | undefined
  /** When the last dial was begun, or was refused. */
  readonly last: number
  /** How many dials are under way. Counted while it refuses. */
  readonly dials: number
}

export type RefusalEvent =
  | { readonly type: 'dialled' }
  | { readonly type: 'connected' }
  | { readonly type: 'refused' }
  /** A dial has failed in another way, or was given up. */
  | { readonly type: 'ended' }

/** What a request does that has only endpoints that refuse. */
export type DialVerdict =
  /** It dials, and dials again after a refusal, until `until`: the backend may be restarting. */
  | { readonly type: 'dial', readonly until: number }
  /** It dials once: it is the probing dial that is due. `place`: of the endpoint. */
  | { readonly type: 'probe', readonly place: number }
  /** A probing dial is under way. It waits for its result until `until`, since the backend may be back. */
  | { readonly type: 'join', readonly until: number }
  /** It fails at once. */
  | { readonly type: 'refuse' }

export const ACCEPTING: Refusal = { since: undefined, last: -Infinity, dials: 0 }

/** The time between two probing dials, in ms. A backend that is back is found at most so much, and a dial, later. */
export const PROBE_EVERY = 250

// How long a request may wait for another one's probing dial, in ms, so that it fails within 50 ms in any case. A dial that takes longer
// has found no listener that refuses.
const JOIN = 30

/** The state after an event: the same object where the event changes nothing. */
export function nextRefusal (state: Refusal, event: RefusalEvent, now: number): Refusal {
  if (event.type === 'connected') return state.since === undefined ? state : ACCEPTING
  if (event.type === 'refused') return { since: state.since ?? now, last: now, dials: Math.max(0, state.dials - 1) }
  if (state.since === undefined) return state
  return event.type === 'dialled'
    ? { ...state, last: now, dials: state.dials + 1 }
    : { ...state, dials: Math.max(0, state.dials - 1) }
}

/**
 * Whether a probing dial is due. Under traffic each request asks, and the request itself need not wait for the dial where another endpoint
 * serves.
 */
export function probingDialDue (refusal: Refusal, now: number): boolean {
  return now >= probingDialDueAt(refusal)
}

/** From when on `probingDialDue` holds; Infinity for never. */
export function probingDialDueAt ({ since, last, dials }: Refusal): number {
  return since !== undefined && dials === 0 ? last + PROBE_EVERY : Infinity
}

/**
 * What a request does whose endpoints all refuse (fitness `refusing` of choice-set.ts). For `connectRetry` after the last of them began to
 * refuse, it dials as patiently as at the first refusal. After that it fails at once, unless a probing dial is due or under way. After a
 * pause without requests the first request probes, so it is served if the backend is back.
 *
 * @param refusals of those endpoints, at least one
 * @param connectRetry the option `pool.connectRetry`, in ms
 */
export function dialVerdict (refusals: readonly Refusal[], now: number, connectRetry: number): DialVerdict {
  const since = refusals.reduce((latest, refusal) => Math.max(latest, refusal.since ?? now), -Infinity)
  if (now - since < connectRetry) return { type: 'dial', until: since + connectRetry }
  const place = refusals.findIndex(refusal => probingDialDue(refusal, now))
  if (place !== -1) return { type: 'probe', place }
  const began = refusals.reduce((latest, { dials, last }) => dials > 0 ? Math.max(latest, last) : latest, -Infinity)
  return now - began < JOIN ? { type: 'join', until: began + JOIN } : { type: 'refuse' }
}
