import type { EndpointFailure, FailureCause } from './evidence.js'

/** The options `ejection.*` that this policy uses; times in ms. `mayEject` (choice-set.ts) uses `maxEjected`. */
export interface EjectionSettings {
  /** How many failures in a row eject. Default 5. */
  readonly failures: number
  /** How long the first ejection lasts. Default 10 000. */
  readonly time: number
  /** How long an ejection lasts at most. Default 300 000. */
  readonly maxTime: number
}

/** What takes an endpoint out without a row of failures. No answer ends it early. */
export type Asker = 'operator' | 'check' | 'retry_after'

export interface Out {
  readonly cause: FailureCause | Asker
  /** For a person. */
  readonly reason: string
  readonly since: number
  /** From when on a probing request may be sent. */
  readonly until: number
  /** When the probing request was begun that is under way. */
  readonly probing: number | undefined
}

/** Whether an endpoint is ejected, and the failures that may lead to it. Times in ms. */
export interface Ejection {
  /** Failures since the last answer. */
  readonly row: number
  /** When the first of them came. */
  readonly began: number
  /** Whether one of them is proven. */
  readonly proven: boolean
  /** The client of the first one that is not proven; '' before that, or where it is not known. */
  readonly client: string
  /** Whether another client has seen one too. */
  readonly several: boolean
  /** How often it was ejected lately. */
  readonly count: number
  /** When the last ejection ended. */
  readonly returned: number
  /** Set while it is ejected. */
  readonly out: Out | undefined
}

export type EjectionEvent =
  /**
   * `others`: whether the endpoint has answered other clients lately (`Answers.toOthers`). `mayEject`: whether there is room for one more
   * ejection. `probe`: whether it was the probing request that failed.
   */
  | {
    readonly type: 'failed'
    readonly failure: EndpointFailure
    readonly others: boolean
    readonly mayEject: boolean
    readonly probe: boolean
  }
  /** A response has come, of whatever status unless it is one of `ejection.statuses`. `began`: when its attempt began on its connection. */
  | { readonly type: 'answered', readonly began: number }
  /** A dial has succeeded. */
  | { readonly type: 'connected' }
  | { readonly type: 'probe_begun' }
  /** The probing request has ended and says nothing about the endpoint: its client has left, for example. */
  | { readonly type: 'probe_left' }
  /**
   * An operator, a health check or a `Retry-After` takes it out for some ms; Infinity: until `lifted`. The caller has asked `mayEject`,
   * unless it is an operator.
   */
  | { readonly type: 'asked', readonly by: Asker, readonly ms: number, readonly reason: string }
  /** An operator has ended the ejection, or health checks have passed. */
  | { readonly type: 'lifted' }

const NO_ROW = { row: 0, began: 0, proven: false, client: '', several: false }

export const NEVER_EJECTED: Ejection = { ...NO_ROW, count: 0, returned: -Infinity, out: undefined }

const JITTER = 0.1
// How long a row has to last, in ms, if two clients or more have seen losses that are not proven. In this time an endpoint that works
// answers another request, and the row ends.
const LASTS = 1_000

/**
 * The state after an event: the same object where the event changes nothing. `failures` in a row eject. Any answer resets the row.
 *
 * An ejection lasts `time`, times the number of ejections lately, with 10 % of jitter, and `maxTime` at most. Each `time` in service takes
 * one from that number. When it has lasted, one request at a time probes: an answer ends the ejection, and a failure begins a longer one.
 * Where dials had failed, a dial probes, and no request has to. Where they were refused, the first dial that succeeds ends the ejection at
 * any time (refusal.ts has when to dial). That holds also for an endpoint that was ejected for another cause and refuses a dial afterwards:
 * its process has ended.
 *
 * A client may be able to provoke losses, timeouts and statuses, by requests that the backend dies of, or that keep it busy. One proven
 * failure makes a row credible. Without one:
 *
 * - Failures of one client alone do not eject an endpoint that answers others. They do where the endpoint serves this client alone, as
 *   behind a load balancer that the app does not trust.
 * - Failures of several clients, which may be one attacker, have to last for a second without an answer. A timeout has lasted long enough.
 *
 * @param random from 0 to 1, spreads the ends of the ejections of many gateways
 */
export function nextEjection (state: Ejection, event: EjectionEvent, now: number, settings: EjectionSettings, random: number): Ejection {
  const { out } = state
  switch (event.type) {
    case 'failed':
      return out === undefined ? failed(state, event, now, settings, random) : failedOutside(state, out, event, now, settings, random)
    case 'answered':
      if (out === undefined) return state.row === 0 ? state : { ...state, ...NO_ROW }
      return event.began >= (isAsked(out) ? out.until : out.since) ? returned(state, now) : state
    case 'connected':
      return out?.cause === 'refused' || (out?.cause === 'dial' && now >= out.until) ? returned(state, now) : state
    case 'probe_begun':
      return out === undefined ? state : { ...state, out: { ...out, probing: now } }
    case 'probe_left':
      return out === undefined ? state : probeOver(state, out)
    case 'asked':
      return asked(state, event, now)
    case 'lifted':
      return out === undefined ? state : returned(state, now)
  }
}

/**
 * Whether a probing request, or a probing dial (`probesBy`), may begin now. One that has been under way for `time` does not hold up the
 * next one. Where dials are refused, refusal.ts says when to dial.
 */
export function probeDue (ejection: Ejection, now: number, settings: EjectionSettings): boolean {
  return now >= probeDueAt(ejection, settings)
}

/** From when on `probeDue` holds; Infinity for never. */
export function probeDueAt ({ out }: Ejection, { time }: EjectionSettings): number {
  if (out === undefined || out.cause === 'refused') return Infinity
  return out.probing === undefined ? out.until : Math.max(out.until, out.probing + time)
}

/** How an endpoint is probed: by what had failed. A dial alone costs no client anything. */
export function probesBy ({ cause }: Out): 'dial' | 'request' {
  return cause === 'refused' || cause === 'dial' ? 'dial' : 'request'
}

/** What is asked of a probing request: it may fail, so it has to be one that can be sent again to another endpoint. */
export function canProbe (request: { readonly idempotent: boolean, readonly replayable: boolean, readonly tunnels: boolean }): boolean {
  return request.idempotent && request.replayable && !request.tunnels
}

/** Whether an answer would change nothing. Most often so, and then it need not be reported. */
export function isAtEase ({ row, out }: Ejection): boolean {
  return row === 0 && out === undefined
}

function asked (state: Ejection, { by, ms, reason }: EjectionEvent & { type: 'asked' }, now: number): Ejection {
  const since = state.out?.since ?? now
  return { ...state, ...NO_ROW, out: { cause: by, reason, since, until: now + ms, probing: undefined } }
}

function failed (
  state: Ejection, event: EjectionEvent & { type: 'failed' }, now: number, settings: EjectionSettings, random: number
): Ejection {
  const { failure, others, mayEject } = event
  const row = Math.min(state.row + 1, settings.failures)
  const next = {
    ...state,
    row,
    began: state.row === 0 ? now : state.began,
    proven: state.proven || failure.proven,
    client: state.client === '' && !failure.proven ? failure.client ?? '' : state.client,
    several: state.several || (!failure.proven && state.client !== '' && failure.client !== state.client)
  }
  if (row < settings.failures || !mayEject || !isCredible(next, failure, others, now)) return next
  const reason = settings.failures === 1 ? failure.detail : `${settings.failures} failures in a row: ${failure.detail}`
  return ejected(state, failure.cause, reason, now, now, settings, random)
}

function isCredible ({ proven, several, began }: Ejection, { cause }: EndpointFailure, others: boolean, now: number): boolean {
  if (proven) return true
  return several ? cause === 'timeout' || now - began >= LASTS : !others
}

// Requests that were in flight at the ejection fail later, and say nothing new.
function failedOutside (
  state: Ejection, out: Out, event: EjectionEvent & { type: 'failed' }, now: number, settings: EjectionSettings, random: number
): Ejection {
  if (!event.probe) {
    // Its process has ended: a dial that succeeds will show that it is back.
    const hasEnded = event.failure.cause === 'refused' && out.cause !== 'refused' && !isAsked(out)
    return hasEnded ? { ...state, out: { ...out, cause: 'refused' } } : state
  }
  const reason = isAsked(out) ? event.failure.detail : out.reason
  return ejected(state, event.failure.cause, reason, out.since, now, settings, random)
}

function ejected (
  state: Ejection, cause: FailureCause, reason: string, since: number, now: number, settings: EjectionSettings, random: number
): Ejection {
  const { time, maxTime } = settings
  const inService = state.out === undefined ? now - state.returned : 0
  const count = Math.max(0, state.count - Math.floor(inService / time)) + 1
  const length = Math.min(maxTime, time * count * (1 - JITTER + 2 * JITTER * random))
  return { ...state, ...NO_ROW, count, out: { cause, reason, since, until: now + length, probing: undefined } }
}

function isAsked ({ cause }: Out): boolean {
  return cause === 'operator' || cause === 'check' || cause === 'retry_after'
}

function returned (state: Ejection, now: number): Ejection {
  return { ...state, ...NO_ROW, returned: now, out: undefined }
}

function probeOver (state: Ejection, out: Out): Ejection {
  return out.probing === undefined ? state : { ...state, out: { ...out, probing: undefined } }
}
