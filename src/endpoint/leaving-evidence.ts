/**
 * Whether an endpoint behaves like a server in its graceful stop, before discovery knows: it closes the connections that it used to keep,
 * and takes no new ones. Times in ms.
 */
export interface Departure {
  /** Signs in a row that connections are no longer kept. A connection that is kept ends the row. */
  readonly signs: readonly Sign[]
  /** How many requests connections had carried when they were closed before, though the endpoint stayed: a limit of requests. */
  readonly limits: readonly number[]
  /** When a dial was refused last, with no successful one since. */
  readonly refused: number | undefined
  /** Set while it is believed to leave. */
  readonly leaving: Leaving | undefined
}

interface Sign {
  readonly at: number
  /** Requests that the connection had carried. */
  readonly nth: number
  /** Age of the connection. */
  readonly age: number
  /** How long it had been idle; undefined where a response announced its close. */
  readonly idleMs: number | undefined
  /** The client that got the response; undefined for an idle close, which no client causes. */
  readonly client: string | undefined
}

export interface Leaving {
  readonly since: number
  /** For a person. */
  readonly cause: string
  /** From when on one request may find out, on a fresh connection, whether connections are kept again. */
  readonly trialAt: number
  readonly trials: number
}

export type DepartureEvent =
  /** A response announced the close of its connection, and `isMark` holds. `others`: as in `EjectionEvent`. */
  | { readonly type: 'marked', readonly nth: number, readonly age: number, readonly client: string | undefined, readonly others: boolean }
  /**
   * The endpoint closed an idle connection. `usual`: for how long it is known to keep idle ones: the learned limit, or the longest idle
   * time that a connection has survived.
   */
  | { readonly type: 'idle_closed', readonly nth: number, readonly age: number, readonly idleMs: number, readonly usual: number }
  /** A response that announced no close. `opened`, `began`: when its connection was opened, and its request begun. */
  | { readonly type: 'kept', readonly opened: number, readonly began: number }
  /** A dial was refused: ECONNREFUSED, or the file of a unix socket is gone. */
  | { readonly type: 'refused' }
  | { readonly type: 'connected' }
  /** The request that finds out was begun. It is due again later, whatever becomes of it. */
  | { readonly type: 'trial_begun' }

/** What a response has to be for its announced close to be a sign. */
export interface MarkedResponse {
  readonly method: string | undefined
  readonly status: number
  readonly withBody: boolean
  /** Its number on its connection, from 1. */
  readonly nth: number
  readonly requestSent: boolean
  readonly clientGone: boolean
  readonly upgraded: boolean
  /** Whether the gateway had asked for the close. */
  readonly asked: boolean
  /** Whether the connection had to close here: by `Keep-Alive: max=`, or by the gateway's own limits. */
  readonly expected: boolean
  /** Whether the endpoint is believed to keep connections (target/persistence.ts). */
  readonly persistent: boolean
}

export const STAYING: Departure = { signs: [], limits: [], refused: undefined, leaving: undefined }

const CLOSED_AND_ANNOUNCED = 'its listener is closed, and it announces the close of its connections'
const SIGNS = 3
// Signs of one stop come within so much time, in ms.
const WINDOW = 10_000
// Ages and idle times that are nearer, as a factor, may come from one limit.
const ALIKE = 1.1
// A close at less than so much of the usual idle time is no idle timeout.
const EARLY = 0.5
// Closes right behind a response are habits of other kinds (target/after-response.ts); in ms.
const RIGHT_BEHIND = 100
const MOST_LIMITS = 8
// The first trial comes after so many ms; each one doubles the time, up to eight times.
const TRIAL = 1_000
const MOST_DOUBLINGS = 3

/**
 * The state after an event: the same object where the event changes nothing. An endpoint is believed to leave in two cases:
 *
 * - A dial is refused, and it answers: after that on a connection that it had before, or before or after that with an announced close. Its
 *   listener is closed and it serves on. A server that was killed answers nothing, and the end of its process closes idle connections.
 * - Three signs in a row, of connections that have nothing in common: a limit of requests, of age or of idle time makes them alike in
 *   it. The signs must not come from one client alone where the endpoint answers others. And no other endpoint may show signs: what all do
 *   is their way, or that of a proxy before them, or was provoked.
 *
 * It stays after all when a connection that was opened later is kept. Requests find that out, one at a time: at once when a dial succeeds
 * after refused ones, and else after a second. So an endpoint that was restarted at the same address, or that was misjudged, is back soon.
 *
 * @param othersShow whether another endpoint of the target shows signs (`showsSigns`)
 */
export function nextDeparture (state: Departure, event: DepartureEvent, now: number, othersShow: boolean): Departure {
  switch (event.type) {
    case 'marked':
    case 'idle_closed':
      return withSign(state, event, now, othersShow)
    case 'kept':
      return kept(state, event, now)
    case 'refused': {
      // Nothing listens, and it has only closed idle connections: its process has ended.
      if (state.leaving !== undefined && !state.signs.some(isAnnounced)) return { ...STAYING, limits: state.limits, refused: now }
      const next = { ...state, refused: now }
      return recent(state.signs, now).some(isAnnounced) ? left(next, CLOSED_AND_ANNOUNCED, now) : next
    }
    case 'connected':
      if (state.refused === undefined) return state
      return { ...state, refused: undefined, leaving: state.leaving && { ...state.leaving, trialAt: now, trials: 0 } }
    case 'trial_begun':
      return state.leaving === undefined ? state : { ...state, leaving: again(state.leaving, now) }
  }
}

/** Whether an endpoint shows signs of leaving now. */
export function showsSigns ({ signs }: Departure, now: number): boolean {
  return recent(signs, now).length > 0
}

/** Whether a request may find out now if the endpoint stays after all. It takes a fresh connection, and can be sent again elsewhere. */
export function trialDue ({ leaving }: Departure, now: number): boolean {
  return leaving !== undefined && now >= leaving.trialAt
}

/** Whether a response that announced no close would change nothing. Most often so, and then it need not be reported. */
export function isAtHome ({ signs, refused, leaving }: Departure): boolean {
  return signs.length === 0 && refused === undefined && leaving === undefined
}

/**
 * Whether the announced close of a response is a sign. Not where the endpoint keeps no connections at all, or closes after some kinds of
 * requests; not where the request may be the cause: backends close after uploads that they do not read, and after many statuses from 400
 * on. A 503 is the exception. It is what Fastify answers while it closes, and no request of its own provokes it. The first response of a
 * connection is none: the connection was not established.
 */
export function isMark (response: MarkedResponse): boolean {
  const { method, status, withBody, nth, requestSent, clientGone, upgraded, asked, expected, persistent } = response
  if (!persistent || asked || expected || upgraded || clientGone || !requestSent) return false
  return nth > 1 && method === 'GET' && !withBody && (status < 400 || status === 503)
}

function withSign (
  state: Departure, event: DepartureEvent & { type: 'marked' | 'idle_closed' }, now: number, othersShow: boolean
): Departure {
  const { nth, age } = event
  if (state.limits.includes(nth)) return state
  const idleMs = event.type === 'idle_closed' ? event.idleMs : undefined
  if (event.type === 'idle_closed' && (event.idleMs < RIGHT_BEHIND || event.idleMs >= EARLY * event.usual)) return state
  const client = event.type === 'marked' ? event.client ?? '' : undefined
  const before = recent(state.signs, now)
  const sign: Sign = { at: now, nth, age, idleMs, client }
  if (before.some(other => haveLimitInCommon(other, sign))) return state
  const signs = [...before, sign]
  const next = { ...state, signs }
  if (state.refused !== undefined && isAnnounced(sign)) return left(next, CLOSED_AND_ANNOUNCED, now)
  const oneClient = signs.every(({ client }) => client === signs[0]!.client && client !== undefined)
  if (signs.length < SIGNS || othersShow || (oneClient && event.type === 'marked' && event.others)) return next
  return left(next, 'it closes connections that it used to keep', now)
}

/** Whether it was said in an answer, and no idle close. */
function isAnnounced ({ idleMs }: Sign): boolean {
  return idleMs === undefined
}

function kept (state: Departure, { opened, began }: DepartureEvent & { type: 'kept' }, now: number): Departure {
  const { leaving, refused, signs } = state
  if (leaving !== undefined) return opened > leaving.since ? { ...STAYING, limits: state.limits } : state
  if (refused !== undefined && began >= refused && opened < refused) return left(state, 'its listener is closed, and it serves on', now)
  // A request that was in flight at the first sign says nothing.
  if (signs.length === 0 || began <= signs[0]!.at) return state
  const limits = [...state.limits, ...signs.filter(({ idleMs }) => idleMs === undefined).map(({ nth }) => nth)].slice(-MOST_LIMITS)
  return { ...state, signs: [], limits }
}

/** Whether one limit may have closed both connections: of requests, of age, or of idle time. */
function haveLimitInCommon (one: Sign, other: Sign): boolean {
  if (one.nth === other.nth || areAlike(one.age, other.age)) return true
  return one.idleMs !== undefined && other.idleMs !== undefined && areAlike(one.idleMs, other.idleMs)
}

function areAlike (one: number, other: number): boolean {
  return Math.max(one, other) < ALIKE * Math.min(one, other)
}

function left (state: Departure, cause: string, now: number): Departure {
  if (state.leaving !== undefined) return state
  return { ...state, leaving: { since: now, cause, trialAt: now + TRIAL, trials: 0 } }
}

function again (leaving: Leaving, now: number): Leaving {
  const trials = leaving.trials + 1
  return { ...leaving, trials, trialAt: now + TRIAL * 2 ** Math.min(trials, MOST_DOUBLINGS) }
}

function recent (signs: readonly Sign[], now: number): readonly Sign[] {
  return signs.length > 0 && now - signs[0]!.at >= WINDOW ? signs.filter(({ at }) => now - at < WINDOW) : signs
}
