/** The bounds of how long a connection may lie unused; all times in ms. */
export interface IdleLimit {
  /** The bound without a hint: keepAliveTimeout. */
  readonly configured: number
  /** The claim of the backend's `Keep-Alive: timeout=`, less the threshold; undefined without one. */
  readonly hinted: number | undefined
  /** The longest idle time that the backend's closes have shown to be safe; undefined while no such close is known. */
  readonly learned: number | undefined
  /** The bound that holds. */
  readonly effective: number
}

export interface IdleSettings {
  readonly keepAliveTimeout: number
  readonly keepAliveMaxTimeout: number
  readonly keepAliveTimeoutThreshold: number
}

/**
 * What is known of when a backend closes idle connections. The estimator assumes that it closes them at about one idle time, its *habit*.
 * One other habit is remembered, because a backend may be reconfigured and later go back. Times in ms.
 */
export interface IdleEvidence {
  /** The idle times at which it closed connections, latest last. */
  readonly closes: readonly number[]
  /** The same for the habit before this one, or for a habit that may be beginning. */
  readonly other: readonly number[]
  /** Since when this habit is believed, on the clock of the `now` that is handed in. */
  readonly since: number
  /** How many closes have fitted the habit since then. */
  readonly confirmed: number
  /** Whether this habit is believed because connections outlived the one before. */
  readonly risen: boolean
  /** Whether one of those closes was seen while the connection lay idle. The others were found when the connection was reused. */
  readonly seen: boolean
  /** The longest idle time after which a request was answered, since then. */
  readonly survived: number
  /** How many sentinels in a row have outlived `closes`. */
  readonly outlived: number
  /** How many sentinels in a row have to outlive `closes` before the habit is given up. */
  readonly needed: number
  /** An idle time at which connections were closed in a way that need not be a habit: all at once, as in a restart, or under a request. */
  readonly rumour: number | undefined
  /** The closes of the latest moment, which count as one event. */
  readonly batch: Batch | undefined
}

/** Closes of one moment. */
export interface Batch {
  readonly began: number
  readonly latest: number
  readonly count: number
  /** The shortest and the longest idle time among them. */
  readonly least: number
  readonly most: number
  /** The evidence without them. */
  readonly before: IdleEvidence
}

export const NO_EVIDENCE: IdleEvidence = {
  closes: [],
  other: [],
  since: 0,
  confirmed: 0,
  risen: false,
  seen: false,
  survived: 0,
  outlived: 0,
  needed: 1,
  rumour: undefined,
  batch: undefined
}

/** The estimator's constants; times in ms. `npm run bench:idle-constants` varies them; docs/idle-limit.md has the results. */
export const ESTIMATOR = {
  /** A close that comes sooner shows no idle limit: the backend keeps no connections (the inspector finds that), or this one was killed. */
  shortest: 100,
  /** How many closes are remembered: enough to see the spread of a server that looks for idle connections at intervals. */
  window: 16,
  /** Idle times within this factor belong to one habit: the widest one measured, of gunicorn's threads, goes from 2.0 to 3.0 s. */
  spread: 1.5,
  /** The event loops of both sides run late: no time that is measured in JavaScript is more exact than this. */
  leastMargin: 25,
  /** The margin off the shortest close, as a part of it, where it is the only one; with n closes, this part divided by n. */
  uncertainty: 0.15,
  /** The margin in gaps between neighbouring closes at the short end: the next close may be shorter than any before. */
  gaps: 2,
  /** A slow backend's exchanges look like a long round trip. It is taken for at most this part of the limit. */
  mostWay: 0.25,
  /** Closes that are no further apart are one event: a process that ends closes all its connections within a few turns of its loop. */
  batch: 100,
  /** No event lasts longer: it takes two seconds until the ends of ten thousand connections have been handled here. */
  longestBatch: 2_000,
  /** The most sentinels in a row that have to outlive a habit before it is given up. */
  mostNeeded: 8,
  /** A longer habit that has stood for so many times the shorter one is real: it is not only that one sentinel was lucky. */
  lasting: 32
} as const
export type Estimator = { readonly [name in keyof typeof ESTIMATOR]: number }

// Where nothing is known, a connection used within so many ms is safe to reuse: no server measured closes sooner.
const YOUNG = 1_000
// A hint is in whole seconds, so `timeout=0` stands for less than one second; this is the middle, in ms. Node sends it for a
// `keepAliveTimeout` below 1 s, and keeps connections for a second longer.
const LESS_THAN_A_SECOND = 500

/**
 * With a hint, the limit is the hint less the threshold, and at most keepAliveMaxTimeout. Without one it is keepAliveTimeout. It is never
 * above what was learned. At most half of the hint is taken off as the threshold: otherwise no connection of a backend that says 1 s could
 * be reused. A backend that says 0 s gets half a second.
 *
 * @param claimed the last `Keep-Alive: timeout=` seen, in ms; 0 is taken for half a second
 * @param learned the longest idle time known to be safe, in ms
 */
export function idleLimit (settings: IdleSettings, claimed: number | undefined, learned: number | undefined): IdleLimit {
  const hinted = hintedLimit(settings, claimed)
  return { configured: settings.keepAliveTimeout, hinted, learned, effective: Math.min(idleCeiling(settings, hinted), learned ?? Infinity) }
}

function hintedLimit ({ keepAliveTimeoutThreshold }: IdleSettings, claimed: number | undefined): number | undefined {
  if (claimed === undefined) return undefined
  return claimed === 0 ? LESS_THAN_A_SECOND : claimed - Math.min(keepAliveTimeoutThreshold, claimed / 2)
}

/** The limit without what was learned, in ms. */
export function idleCeiling (settings: IdleSettings, hinted: number | undefined): number {
  return hinted === undefined ? settings.keepAliveTimeout : Math.min(hinted, settings.keepAliveMaxTimeout)
}

/**
 * The longest idle time that is safe, in ms: the shortest close of the present habit, less the round trip (a request must reach the backend
 * before it closes, and the gateway learns of a close only afterwards), less a margin for shorter closes that were not seen.
 *
 * @param roundTrip the shortest time that an exchange has taken, in ms
 */
export function learnedLimit ({ closes }: IdleEvidence, roundTrip: number, using: Estimator = ESTIMATOR): number | undefined {
  return closes.length === 0 ? undefined : lessMargins(closes, roundTrip, 1, using)
}

/**
 * How long a connection may have been idle for a request that could not be sent again, in ms. After several closes it is the learned limit
 * less another margin. After one close, or with a hint alone, it is half of the limit. Else it is a second, or half of the longest idle
 * time that a connection has survived.
 */
export function unsafeIdleLimit (limit: IdleLimit, evidence: IdleEvidence, roundTrip: number, using: Estimator = ESTIMATOR): number {
  return Math.min(unsafeByEvidence(limit, evidence, roundTrip, using), limit.effective, (evidence.rumour ?? Infinity) / 2)
}

function unsafeByEvidence ({ hinted, effective }: IdleLimit, evidence: IdleEvidence, roundTrip: number, using: Estimator): number {
  const { closes, confirmed, risen, survived } = evidence
  if (closes.length > 0 && confirmed > 0) return closes.length > 1 ? lessMargins(closes, roundTrip, 2, using) : effective / 2
  // A hint that closes have contradicted does not count, although it may have become right since.
  return hinted !== undefined && !risen ? effective / 2 : Math.max(YOUNG - wayOf(YOUNG, roundTrip, using), survived / 2)
}

/** How long the sentinel must be idle and still open to contradict the habit, in ms; undefined where there is no habit. */
export function outlivedAt ({ closes }: IdleEvidence, { spread }: Estimator = ESTIMATOR): number | undefined {
  return closes.length === 0 ? undefined : Math.max(...closes) * spread
}

function lessMargins (closes: readonly number[], roundTrip: number, margins: number, using: Estimator): number {
  const { leastMargin, gaps, uncertainty } = using
  const sorted = inOrder(closes)
  const least = sorted[0]!
  // Gaps of the short end only: how far apart the long closes lie says nothing of how short the next one may be.
  const steps = Math.min(sorted.length - 1, Math.max(1, Math.floor((sorted.length - 1) / 2)))
  const gap = steps === 0 ? 0 : (sorted[steps]! - least) / steps
  const margin = Math.max(leastMargin, gaps * gap, least * uncertainty / sorted.length)
  return Math.floor(Math.max(least / 2, least - wayOf(least, roundTrip, using) - margins * margin))
}

function wayOf (idleMs: number, roundTrip: number, { mostWay }: Estimator): number {
  return Math.min(roundTrip, idleMs * mostWay)
}

// Insertion takes a tenth of the time of `sort()` for so few numbers.
function inOrder (closes: readonly number[]): number[] {
  const sorted = [...closes]
  for (let i = 1; i < sorted.length; i++) {
    const close = sorted[i]!
    let at = i
    for (; at > 0 && sorted[at - 1]! > close; at--) sorted[at] = sorted[at - 1]!
    sorted[at] = close
  }
  return sorted
}
