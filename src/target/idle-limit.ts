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

interface Batch {
  readonly began: number
  readonly latest: number
  readonly count: number
  /** The shortest and the longest idle time among them. */
  readonly least: number
  readonly most: number
  /** The evidence without them. */
  readonly before: IdleEvidence
}

export type IdleEvent =
  /**
   * The backend closed a connection that had been idle for `idleMs`. `found`: the close was found by a request, which was then answered on
   * a fresh connection. `others`: connections as old that were closed with it. `left`: connections that have been idle for a while and are
   * still open.
   */
  | { readonly type: 'closed', readonly idleMs: number, readonly left: number, readonly found?: boolean, readonly others?: number }
  /** A connection was lost under a request that was not sent again. Whether the backend had closed it before is not known. */
  | { readonly type: 'doubted', readonly idleMs: number }
  /** A request was answered on a connection that had been idle for `idleMs`. */
  | { readonly type: 'survived', readonly idleMs: number }
  /** The sentinel was still open when its idle time reached `outlivedAt`. */
  | { readonly type: 'outlived', readonly idleMs: number }
  /** The rumour is too old to count. */
  | { readonly type: 'forgotten' }

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

// Closes that are nearer to each other, in ms, cannot be told from closes at one moment.
const APART = 10
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
  if (idleMs < shortest || idleMs >= (evidence.rumour ?? Infinity)) return evidence
  return changed(evidence, { rumour: idleMs, survived: 0 })
}

function closed (evidence: IdleEvidence, event: IdleEvent & { type: 'closed' }, now: number, using: Estimator): IdleEvidence {
  const { idleMs, left, found = false, others = 0 } = event
  const { spread, shortest } = using
  const open = isOpen(evidence.batch, now, using) ? evidence.batch : undefined
  const before = open?.before ?? changed(evidence, { batch: undefined })
  const least = Math.min(idleMs, open?.least ?? Infinity)
  const most = Math.max(idleMs, open?.most ?? 0)
  const batch: Batch = { began: open?.began ?? now, latest: now, count: (open?.count ?? 0) + 1 + others, least, most, before }
  if (least < shortest) return changed(before, { batch })
  // The closes of a batch count as one, however many they are: they may be alike only because the connections became idle together.
  if (batch.count === 1 || isTimed(batch, left, using)) {
    return changed(withClose(before, least, !found, now, using), { batch })
  }
  // All connections at once, or connections of any idle time: this is what the end of a process looks like. A second time makes it a habit.
  if (before.rumour === undefined || !isNear([before.rumour], least, spread)) return changed(before, { rumour: least, survived: 0, batch })
  const confirmed = withClose(before, before.rumour, false, now, using)
  return changed(withClose(confirmed, least, !found, now, using), { batch })
}

// Whether the closes of one moment come from a backend's idle timer. The end of its process closes all connections, whatever their idle
// times.
function isTimed ({ began, latest, least, most, before: { closes, other } }: Batch, left: number, { spread }: Estimator): boolean {
  if (left > 0 && isNear([least], most, spread)) return true
  // The backend has closed at these idle times before.
  if ([closes, other].some(habit => isNear(habit, least, spread) && isNear(habit, most, spread))) return true
  // A timer closes at one idle time, at several moments. The end of a process closes at several idle times, at one moment.
  return latest - began >= APART && most - least < (latest - began) / 2
}

function isOpen (batch: Batch | undefined, now: number, { batch: apart, longestBatch }: Estimator): boolean {
  return batch !== undefined && now - batch.latest < apart && now - batch.began < longestBatch
}

function withClose (evidence: IdleEvidence, idleMs: number, seen: boolean, now: number, using: Estimator): IdleEvidence {
  const { spread, window, mostNeeded, lasting } = using
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
  // A longer idle time: the connection was idle before this habit began, or was a sentinel. One such close makes no habit.
  if (closes.length > 0 && idleMs > closes[0]!) {
    return changed(evidence, { other: isNear(other, idleMs, spread) ? added(other, idleMs, window) : [idleMs], rumour: undefined })
  }
  const known = isNear(other, idleMs, spread)
  // Connections that the backend keeps for longer than the idle limit are never seen to be closed. Then the time that it lasted decides.
  const lasted = risen && now - evidence.since >= lasting * idleMs
  // The shorter habit is back before the longer one was confirmed: the backend closes early or late, or the sentinel was lucky.
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
  // A connection that was idle before the habit began may belong to the habit before it.
  if (closes.length === 0 || now - idleMs < since || idleMs <= Math.max(...closes)) return evidence
  // Where every close was found at a reuse, an open sentinel proves little: a device on the way may drop connections without a FIN or RST.
  const needed = seen ? evidence.needed : mostNeeded
  const count = evidence.outlived + 1
  if (count < needed) return changed(evidence, { outlived: count })
  return changed(evidence, {
    closes: other.length > 0 && Math.min(...other) > idleMs ? other : [],
    other: closes,
    since: now,
    confirmed: 0,
    risen: true,
    seen: false,
    outlived: 0
  })
}

// V8 takes several times as long for a literal that spreads the evidence and overrides some of it.
function changed (evidence: IdleEvidence, changes: Partial<IdleEvidence>): IdleEvidence {
  return Object.assign({ ...evidence }, changes)
}

// Near the closes, and not so far from any of them that a habit could grow without end, one step at a time.
function isNear (closes: readonly number[], idleMs: number, spread: number): boolean {
  let least = Infinity
  let most = 0
  for (const close of closes) {
    if (close < least) least = close
    if (close > most) most = close
  }
  if (closes.length === 0) return false
  return idleMs * spread >= least && idleMs <= most * spread && idleMs * spread ** 2 >= most && idleMs <= least * spread ** 2
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
