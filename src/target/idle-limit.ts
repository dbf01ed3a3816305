/** What bounds how long a connection may lie unused; all times in ms. */
export interface IdleLimit {
  /** What the operator allows where the backend says nothing: keepAliveTimeout. */
  readonly configured: number
  /** What the backend claims in `Keep-Alive: timeout=`, less the threshold. */
  readonly hinted: number | undefined
  /** What was seen to be safe; undefined while the backend has closed nothing. */
  readonly learned: number | undefined
  readonly effective: number
}

export interface IdleSettings {
  readonly keepAliveTimeout: number
  readonly keepAliveMaxTimeout: number
  readonly keepAliveTimeoutThreshold: number
}

/**
 * What is known of when a backend hangs up on idle connections. A backend is taken to close them at about one idle time, its
 * *habit*; one other habit is remembered, since backends are reconfigured, and go back. Times in ms.
 */
export interface IdleEvidence {
  /** Idle times of the connections that it closed, latest last. */
  readonly closes: readonly number[]
  /** Those of the habit before this one, or of one that may be beginning. */
  readonly other: readonly number[]
  /** Since when this habit is believed, on the clock that is handed in. */
  readonly since: number
  /** Closes that have fitted it since then. */
  readonly confirmed: number
  /** Whether it is believed because connections outlived the one before. */
  readonly risen: boolean
  /** The longest that a connection has been idle without being closed, since then. */
  readonly survived: number
  /** Sentinels in a row that have outlived `closes`, and how many it takes. */
  readonly outlived: number
  readonly needed: number
  /** An idle time at which all connections were closed at once: a restart, unless it comes again. */
  readonly rumour: number | undefined
  /** Closes of this moment. */
  readonly batch: Batch | undefined
}

interface Batch { readonly at: number, readonly count: number, readonly least: number, readonly most: number, readonly before: IdleEvidence }

export type IdleEvent =
  /** The backend closed a connection that had been idle for so long, or one was found closed when it was reused. `left`: others that have been idle meanwhile. */
  | { readonly type: 'closed', readonly idleMs: number, readonly left: number }
  /** A connection was still open then: it was reused, or closed from here. */
  | { readonly type: 'survived', readonly idleMs: number }
  /** The sentinel has reached `outlivedAt`. */
  | { readonly type: 'outlived', readonly idleMs: number }

export const NO_EVIDENCE: IdleEvidence = {
  closes: [], other: [], since: 0, confirmed: 0, risen: false, survived: 0, outlived: 0, needed: 1, rumour: undefined, batch: undefined
}

// Each constant was chosen by `npm run bench:idle-constants`; docs/idle-limit.md has the tables.

// A close that comes sooner is a backend that keeps no connections (the inspector's business), or a connection that was killed.
const SHORTEST = 100
// What is younger is forgotten last: enough for the spread of a server that looks for idle connections now and then.
const WINDOW = 16
// Idle times that differ by less belong to one habit: gunicorn's threads, the widest measured, close anywhere from 2.0 to 3.0 s.
const SPREAD = 1.5
// Event loops are late, here and there. Nothing that is measured in JavaScript is better than this.
const LEAST_MARGIN = 25
// Off the shortest close seen, where there was only one; the nth part where there were n.
const UNCERTAINTY = 0.15
// Gaps between neighbouring closes, at the short end, to stay clear of the next shorter one.
const GAPS = 2
// A slow backend's exchanges look like a long way; the way is never taken for more than this part of the limit.
const MOST_WAY = 0.25
// Closes within this time are one event: a process that ends closes all it has within a few turns of its loop.
const BATCH = 100
const MOST_NEEDED = 8
// Where nothing is known, a connection used within the last second has the backend's attention: no server measured closes sooner.
const YOUNG = 1_000

/**
 * With a hint: hint - threshold, up to keepAliveMaxTimeout. Without one: keepAliveTimeout. Never above what was learned.
 * The threshold is never more than half of the hint, or a backend that says 1 s could not be reused at all.
 *
 * @param claimed the last `Keep-Alive: timeout=` seen, in ms
 * @param learned the longest idle time known to be safe, in ms
 */
export function idleLimit (settings: IdleSettings, claimed: number | undefined, learned: number | undefined): IdleLimit {
  const hinted = claimed === undefined ? undefined : claimed - Math.min(settings.keepAliveTimeoutThreshold, claimed / 2)
  return { configured: settings.keepAliveTimeout, hinted, learned, effective: Math.min(idleCeiling(settings, hinted), learned ?? Infinity) }
}

/** What the limit would be if nothing had been learned, in ms. */
export function idleCeiling (settings: IdleSettings, hinted: number | undefined): number {
  return hinted === undefined ? settings.keepAliveTimeout : Math.min(hinted, settings.keepAliveMaxTimeout)
}

/**
 * The longest idle time that is safe, in ms: the shortest close of the present habit, less the way to the backend and back (a
 * request must be there before the close, and the close is known here only after it), less a margin for what was not seen.
 *
 * @param roundTrip the shortest time that an exchange has taken, in ms
 */
export function learnedLimit ({ closes }: IdleEvidence, roundTrip: number): number | undefined {
  return closes.length === 0 ? undefined : lessMargins(closes, roundTrip, 1)
}

/**
 * How long a connection may have been idle for a request that could not be sent again, in ms: with another margin off what was
 * learned from more than one close; half of what is known from one, or claimed; else a second, or half of what was survived.
 */
export function unsafeIdleLimit (limit: IdleLimit, evidence: IdleEvidence, roundTrip: number): number {
  return Math.min(unsafeByEvidence(limit, evidence, roundTrip), limit.effective, (evidence.rumour ?? Infinity) / 2)
}

function unsafeByEvidence ({ hinted, effective }: IdleLimit, { closes, confirmed, survived }: IdleEvidence, roundTrip: number): number {
  if (closes.length > 0 && confirmed > 0) return closes.length > 1 ? lessMargins(closes, roundTrip, 2) : effective / 2
  return closes.length === 0 && hinted !== undefined ? effective / 2 : Math.max(YOUNG, survived / 2)
}

/** How long the sentinel must be idle and open to speak against what is believed, in ms; undefined where nothing is. */
export function outlivedAt ({ closes }: IdleEvidence): number | undefined {
  return closes.length === 0 ? undefined : Math.max(...closes) * SPREAD
}

/** What is known after an event. */
export function nextEvidence (evidence: IdleEvidence, event: IdleEvent, now: number): IdleEvidence {
  const { idleMs } = event
  switch (event.type) {
    case 'closed':
      return idleMs < SHORTEST ? evidence : closed(evidence, idleMs, event.left, now)
    case 'survived':
      return survived(evidence, idleMs)
    case 'outlived':
      return outlived(survived(evidence, idleMs), idleMs, now)
  }
}

function closed (evidence: IdleEvidence, idleMs: number, left: number, now: number): IdleEvidence {
  const open = evidence.batch !== undefined && now - evidence.batch.at < BATCH ? evidence.batch : undefined
  const before = open?.before ?? { ...evidence, batch: undefined }
  const batch: Batch = {
    at: open?.at ?? now, count: (open?.count ?? 0) + 1, least: Math.min(idleMs, open?.least ?? Infinity), most: Math.max(idleMs, open?.most ?? 0), before
  }
  // However many they are, they are one event: what they have in common may be that they became idle together.
  if (batch.count === 1 || left > 0 || (isNear(before.closes, batch.least) && isNear(before.closes, batch.most))) {
    return { ...withClose(before, batch.least, now), batch }
  }
  // All that there were, at once: a process that ended does that, at any idle time. What it does a second time is a habit.
  if (before.rumour === undefined || !isNear([before.rumour], batch.least)) return { ...before, rumour: batch.least, batch }
  return { ...withClose(withClose(before, before.rumour, now), batch.least, now), batch }
}

function withClose (evidence: IdleEvidence, idleMs: number, now: number): IdleEvidence {
  const { closes, other, confirmed, risen } = evidence
  const told = { ...evidence, rumour: undefined }
  if (isNear(closes, idleMs)) {
    const trusted = risen && confirmed === 1
    return { ...told, closes: added(closes, idleMs), confirmed: confirmed + 1, outlived: 0, needed: trusted ? Math.max(1, evidence.needed / 2) : evidence.needed }
  }
  // It is longer: of a connection that was already idle when this habit began, or of a sentinel. One does not make a habit.
  if (closes.length > 0 && idleMs > closes[0]!) return { ...told, other: isNear(other, idleMs) ? added(other, idleMs) : [idleMs] }
  const known = isNear(other, idleMs)
  // Back before the longer habit was ever seen: some connections are closed early and some late, or the sentinel was lucky.
  const misled = known && risen && confirmed < 2
  return {
    ...told,
    closes: known ? added(other, idleMs) : [idleMs],
    other: closes.length === 0 && !known ? other : closes,
    since: now,
    confirmed: 1,
    risen: risen && closes.length === 0 && !known,
    survived: 0,
    outlived: 0,
    needed: misled ? Math.min(MOST_NEEDED, evidence.needed * 2) : evidence.needed
  }
}

function survived (evidence: IdleEvidence, idleMs: number): IdleEvidence {
  if (idleMs <= evidence.survived) return evidence
  const { rumour } = evidence
  return { ...evidence, survived: idleMs, rumour: rumour !== undefined && idleMs > rumour * SPREAD ? undefined : rumour }
}

function outlived (evidence: IdleEvidence, idleMs: number, now: number): IdleEvidence {
  const { closes, other, since, needed } = evidence
  // What was idle before the habit began may be of the one before.
  if (closes.length === 0 || now - idleMs < since || idleMs <= Math.max(...closes)) return evidence
  const count = evidence.outlived + 1
  if (count < needed) return { ...evidence, outlived: count }
  return { ...evidence, closes: other.length > 0 && Math.min(...other) > idleMs ? other : [], other: closes, since: now, confirmed: 0, risen: true, outlived: 0 }
}

function isNear (closes: readonly number[], idleMs: number): boolean {
  return closes.length > 0 && idleMs * SPREAD >= Math.min(...closes) && idleMs <= Math.max(...closes) * SPREAD
}

function added (closes: readonly number[], idleMs: number): readonly number[] {
  return [...closes.slice(1 - WINDOW), idleMs]
}

function lessMargins (closes: readonly number[], roundTrip: number, margins: number): number {
  const sorted = [...closes].sort((a, b) => a - b)
  const least = sorted[0]!
  // The short end alone: how far apart the long ones lie says nothing of how short the next one may be.
  const steps = Math.min(sorted.length - 1, Math.max(1, Math.floor((sorted.length - 1) / 2)))
  const gap = steps === 0 ? 0 : (sorted[steps]! - least) / steps
  const margin = Math.max(LEAST_MARGIN, GAPS * gap, least * UNCERTAINTY / sorted.length)
  return Math.floor(Math.max(least / 2, least - Math.min(roundTrip, least * MOST_WAY) - margins * margin))
}
