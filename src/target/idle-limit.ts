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
  /** Whether one of those closes was seen while the connection lay idle, and not only found at a reuse. */
  readonly seen: boolean
  /** The longest idle time after which a request was answered, since then. */
  readonly survived: number
  /** Sentinels in a row that have outlived `closes`, and how many it takes. */
  readonly outlived: number
  readonly needed: number
  /** An idle time at which connections were closed in a way that need not be a habit: all at once, as by a restart, or under a request. */
  readonly rumour: number | undefined
  /** Closes of this moment. */
  readonly batch: Batch | undefined
}

interface Batch {
  readonly began: number
  readonly latest: number
  readonly count: number
  readonly least: number
  readonly most: number
  readonly before: IdleEvidence
}

export type IdleEvent =
  /**
   * The backend closed a connection that had been idle for so long; or, `found`, it had, when a request came, which was answered on
   * a fresh one. `others` as old were given up with it, and `left` have been idle meanwhile and are open.
   */
  | { readonly type: 'closed', readonly idleMs: number, readonly left: number, readonly found?: boolean, readonly others?: number }
  /** It was found closed, or was closed, under a request that was not sent again: nobody knows which. */
  | { readonly type: 'doubted', readonly idleMs: number }
  /** A request was answered on a connection that had been idle for so long. */
  | { readonly type: 'survived', readonly idleMs: number }
  /** The sentinel has reached `outlivedAt`. */
  | { readonly type: 'outlived', readonly idleMs: number }
  /** The rumour is old. */
  | { readonly type: 'forgotten' }

export const NO_EVIDENCE: IdleEvidence = {
  closes: [], other: [], since: 0, confirmed: 0, risen: false, seen: false, survived: 0, outlived: 0, needed: 1, rumour: undefined, batch: undefined
}

/** The estimator's constants; times in ms. Chosen by `npm run bench:idle-constants`, which varies them; docs/idle-limit.md has the tables. */
export const ESTIMATOR = {
  /** A close that comes sooner is a backend that keeps no connections (the inspector's business), or a connection that was killed. */
  shortest: 100,
  /** Closes that are remembered: enough for the spread of a server that looks for idle connections now and then. */
  window: 16,
  /** Idle times within this factor belong to one habit: gunicorn's threads, the widest measured, close anywhere from 2.0 to 3.0 s. */
  spread: 1.5,
  /** Event loops are late, here and there: nothing that is measured in JavaScript is better than this. */
  leastMargin: 25,
  /** Off the shortest close seen, as a part of it, where there was only one; the nth of that where there were n. */
  uncertainty: 0.15,
  /** Gaps between neighbouring closes, at the short end, to stay clear of the next shorter one. */
  gaps: 2,
  /** A slow backend's exchanges look like a long way; the way is never taken for more than this part of the limit. */
  mostWay: 0.25,
  /** Closes that come no further apart are one event: a process that ends closes all it has within a few turns of its loop. */
  batch: 100,
  /** But no event lasts longer: ten thousand connections take two seconds to end, here. */
  longestBatch: 2_000,
  /** Sentinels in a row that have to outlive what is believed, at most. */
  mostNeeded: 8,
  /** A longer habit that has stood for so many times the shorter one was no luck of a sentinel's. */
  lasting: 32
} as const
export type Estimator = { readonly [name in keyof typeof ESTIMATOR]: number }

// Closes that are nearer to each other cannot be told from one moment, in ms.
const APART = 10
// Where nothing is known, a connection used within the last second has the backend's attention: no server measured closes sooner.
const YOUNG = 1_000
// A hint is in whole seconds: `timeout=0` is what is left of less than one (Node below 1 s says so, and keeps connections for a second more).
// The middle of what it can mean, in ms.
const LESS_THAN_A_SECOND = 500

/**
 * With a hint: hint - threshold, up to keepAliveMaxTimeout. Without one: keepAliveTimeout. Never above what was learned.
 * The threshold is never more than half of the hint, or a backend that says 1 s could not be reused at all; of one that says 0 s, half a second is left.
 *
 * @param claimed the last `Keep-Alive: timeout=` seen, in ms; 0 is taken for half a second
 * @param learned the longest idle time known to be safe, in ms
 */
export function idleLimit (settings: IdleSettings, claimed: number | undefined, learned: number | undefined): IdleLimit {
  const hinted = claimed === 0 ? LESS_THAN_A_SECOND : claimed === undefined ? undefined : claimed - Math.min(settings.keepAliveTimeoutThreshold, claimed / 2)
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
export function learnedLimit ({ closes }: IdleEvidence, roundTrip: number, using: Estimator = ESTIMATOR): number | undefined {
  return closes.length === 0 ? undefined : lessMargins(closes, roundTrip, 1, using)
}

/**
 * How long a connection may have been idle for a request that could not be sent again, in ms: with another margin off what was
 * learned from more than one close; half of what is known from one, or claimed; else a second, or half of what was survived.
 */
export function unsafeIdleLimit (limit: IdleLimit, evidence: IdleEvidence, roundTrip: number, using: Estimator = ESTIMATOR): number {
  return Math.min(unsafeByEvidence(limit, evidence, roundTrip, using), limit.effective, (evidence.rumour ?? Infinity) / 2)
}

function unsafeByEvidence ({ hinted, effective }: IdleLimit, { closes, confirmed, risen, survived }: IdleEvidence, roundTrip: number, using: Estimator): number {
  if (closes.length > 0 && confirmed > 0) return closes.length > 1 ? lessMargins(closes, roundTrip, 2, using) : effective / 2
  // A hint that was seen to be wrong is worth nothing, even where it may have become right.
  return hinted !== undefined && !risen ? effective / 2 : Math.max(YOUNG - wayOf(YOUNG, roundTrip, using), survived / 2)
}

/** How long the sentinel must be idle and open to speak against what is believed, in ms; undefined where nothing is. */
export function outlivedAt ({ closes }: IdleEvidence, { spread }: Estimator = ESTIMATOR): number | undefined {
  return closes.length === 0 ? undefined : Math.max(...closes) * spread
}

/** What is known after an event. */
export function nextEvidence (evidence: IdleEvidence, event: IdleEvent, now: number, using: Estimator = ESTIMATOR): IdleEvidence {
  switch (event.type) {
    case 'closed':
      return closed(evidence, event, now, using)
    case 'doubted':
      return doubted(evidence, event.idleMs, using)
    case 'survived':
      return survived(evidence, event.idleMs, using)
    case 'outlived':
      return outlived(evidence, event.idleMs, now, using)
    case 'forgotten':
      return changed(evidence, { rumour: undefined })
  }
}

function doubted (evidence: IdleEvidence, idleMs: number, { shortest }: Estimator): IdleEvidence {
  return idleMs < shortest || idleMs >= (evidence.rumour ?? Infinity) ? evidence : changed(evidence, { rumour: idleMs, survived: 0 })
}

function closed (evidence: IdleEvidence, { idleMs, left, found = false, others = 0 }: IdleEvent & { type: 'closed' }, now: number, using: Estimator): IdleEvidence {
  const { spread, shortest } = using
  const open = isOpen(evidence.batch, now, using) ? evidence.batch : undefined
  const before = open?.before ?? changed(evidence, { batch: undefined })
  const least = Math.min(idleMs, open?.least ?? Infinity)
  const most = Math.max(idleMs, open?.most ?? 0)
  const batch: Batch = { began: open?.began ?? now, latest: now, count: (open?.count ?? 0) + 1 + others, least, most, before }
  if (least < shortest) return changed(before, { batch })
  // However many they are, they are one event: what they have in common may be that they became idle together.
  if (batch.count === 1 || isTimed(batch, left, using)) {
    return changed(withClose(before, least, !found, now, using), { batch })
  }
  // All that there were at once, or whatever they had been idle for: a process that ended does that. What comes a second time is a habit.
  if (before.rumour === undefined || !isNear([before.rumour], least, spread)) return changed(before, { rumour: least, survived: 0, batch })
  return changed(withClose(withClose(before, before.rumour, false, now, using), least, !found, now, using), { batch })
}

// Whether closes of one moment are what a backend's timer does, and not its end, which closes all there are, whatever they had been
// idle for.
function isTimed ({ began, latest, least, most, before: { closes, other } }: Batch, left: number, { spread }: Estimator): boolean {
  if (left > 0 && isNear([least], most, spread)) return true
  // It has done that before.
  if ([closes, other].some(habit => isNear(habit, least, spread) && isNear(habit, most, spread))) return true
  // One idle time at several times is a timer; several idle times at one time are an end.
  return latest - began >= APART && most - least < (latest - began) / 2
}

function isOpen (batch: Batch | undefined, now: number, { batch: apart, longestBatch }: Estimator): boolean {
  return batch !== undefined && now - batch.latest < apart && now - batch.began < longestBatch
}

function withClose (evidence: IdleEvidence, idleMs: number, seen: boolean, now: number, { spread, window, mostNeeded, lasting }: Estimator): IdleEvidence {
  const { closes, other, confirmed, risen, needed } = evidence
  if (isNear(closes, idleMs, spread)) {
    const trusted = risen && confirmed === 1
    return changed(evidence, {
      closes: added(closes, idleMs, window),
      confirmed: confirmed + 1,
      seen: evidence.seen || seen,
      outlived: 0,
      needed: trusted ? Math.max(1, needed / 2) : needed,
      rumour: undefined
    })
  }
  // It is longer: of a connection that was already idle when this habit began, or of a sentinel. One does not make a habit.
  if (closes.length > 0 && idleMs > closes[0]!) {
    return changed(evidence, { other: isNear(other, idleMs, spread) ? added(other, idleMs, window) : [idleMs], rumour: undefined })
  }
  const known = isNear(other, idleMs, spread)
  // A backend that keeps connections for longer than they may lie here is never seen to close one: then time tells.
  const lasted = risen && now - evidence.since >= lasting * idleMs
  // Back before the longer habit was ever seen: some connections are closed early and some late, or the sentinel was lucky.
  const misled = known && risen && confirmed < 2 && !lasted
  return changed(evidence, {
    closes: known ? added(other, idleMs, window) : [idleMs],
    other: closes.length === 0 && !known ? other : closes,
    since: now,
    confirmed: 1,
    risen: risen && closes.length === 0 && !known,
    seen,
    survived: 0,
    outlived: 0,
    needed: misled ? Math.min(mostNeeded, needed * 2) : lasted ? Math.max(1, needed / 2) : needed,
    rumour: undefined
  })
}

function survived (evidence: IdleEvidence, idleMs: number, { spread }: Estimator): IdleEvidence {
  if (idleMs <= evidence.survived) return evidence
  const { rumour } = evidence
  return changed(evidence, { survived: idleMs, rumour: rumour !== undefined && idleMs > rumour * spread ? undefined : rumour })
}

function outlived (evidence: IdleEvidence, idleMs: number, now: number, { mostNeeded }: Estimator): IdleEvidence {
  const { closes, other, since, seen } = evidence
  // What was idle before the habit began may be of the one before.
  if (closes.length === 0 || now - idleMs < since || idleMs <= Math.max(...closes)) return evidence
  // Its silence says little where nobody has heard of a close but by a reuse: what lies between may forget connections without a word.
  const needed = seen ? evidence.needed : mostNeeded
  const count = evidence.outlived + 1
  if (count < needed) return changed(evidence, { outlived: count })
  return changed(evidence, { closes: other.length > 0 && Math.min(...other) > idleMs ? other : [], other: closes, since: now, confirmed: 0, risen: true, seen: false, outlived: 0 })
}

// Not a literal that spreads the one and overrides it: V8 takes several times as long for that.
function changed (evidence: IdleEvidence, changes: Partial<IdleEvidence>): IdleEvidence {
  return Object.assign({ ...evidence }, changes)
}

// Near one of them, and not so far from another that a habit could grow without end, a step at a time.
function isNear (closes: readonly number[], idleMs: number, spread: number): boolean {
  let least = Infinity
  let most = 0
  for (const close of closes) {
    if (close < least) least = close
    if (close > most) most = close
  }
  return closes.length > 0 && idleMs * spread >= least && idleMs <= most * spread && idleMs * spread ** 2 >= most && idleMs <= least * spread ** 2
}

function added (closes: readonly number[], idleMs: number, window: number): readonly number[] {
  const next = closes.slice(1 - window)
  next.push(idleMs)
  return next
}

function lessMargins (closes: readonly number[], roundTrip: number, margins: number, using: Estimator): number {
  const { leastMargin, gaps, uncertainty } = using
  const sorted = inOrder(closes)
  const least = sorted[0]!
  // The short end alone: how far apart the long ones lie says nothing of how short the next one may be.
  const steps = Math.min(sorted.length - 1, Math.max(1, Math.floor((sorted.length - 1) / 2)))
  const gap = steps === 0 ? 0 : (sorted[steps]! - least) / steps
  const margin = Math.max(leastMargin, gaps * gap, least * uncertainty / sorted.length)
  return Math.floor(Math.max(least / 2, least - wayOf(least, roundTrip, using) - margins * margin))
}

function wayOf (idleMs: number, roundTrip: number, { mostWay }: Estimator): number {
  return Math.min(roundTrip, idleMs * mostWay)
}

// By insertion: of so few numbers it takes a tenth of the time of sort().
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
