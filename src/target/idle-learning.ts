import { ESTIMATOR } from './idle-limit.js'
import type { Batch, Estimator, IdleEvidence } from './idle-limit.js'

/** What a target sees of idle connections; times in ms. */
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

// Closes that are nearer to each other, in ms, cannot be told from closes at one moment.
const APART = 10

/** The evidence after an event: the same object where the event changes nothing. */
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
  // The shorter habit is back before the longer one was seen twice: the backend closes early or late, or the sentinel was lucky.
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
