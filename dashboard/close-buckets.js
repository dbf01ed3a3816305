import { CLOSE_REASONS } from './close-reason.js'

/** @typedef {import('../src/index.js').CloseReason} CloseReason */
/** @typedef {import('../src/admin/api-shapes.js').TargetHistory['seconds']} Seconds */

const BUCKET = 5_000
const SHOWN = 300_000

export const REASON_NAMES = /** @type {CloseReason[]} */ (Object.keys(CLOSE_REASONS))

/**
 * The closes of the last five minutes in buckets of 5 s. The buckets have fixed bounds, so that a close does not change its bucket as time
 * passes.
 *
 * @param {Seconds} seconds
 * @param {number} now epoch ms
 * @returns {{ ago: number[], counts: Map<CloseReason, number[]> }} the buckets' middles in s before now; the reasons that occurred, in the
 *   table's order
 */
export function closeBuckets (seconds, now) {
  const first = Math.floor((now - SHOWN) / BUCKET)
  const size = Math.floor(now / BUCKET) - first + 1
  /** @type {Map<CloseReason, number[]>} */
  const found = new Map()
  for (const { at, closed } of seconds) {
    const bucket = Math.floor(at / BUCKET) - first
    if (bucket < 0 || bucket >= size) continue
    for (const [name, n] of Object.entries(closed)) {
      // A reason that this page does not know counts as `error`.
      const reason = Object.hasOwn(CLOSE_REASONS, name) ? /** @type {CloseReason} */ (name) : 'error'
      let counts = found.get(reason)
      if (counts === undefined) found.set(reason, counts = Array.from({ length: size }, () => 0))
      counts[bucket] = (counts[bucket] ?? 0) + n
    }
  }
  return {
    ago: Array.from({ length: size }, (_, i) => ((first + i + 0.5) * BUCKET - now) / 1000),
    counts: new Map(REASON_NAMES.flatMap(name => {
      const counts = found.get(name)
      return counts === undefined ? [] : [[name, counts]]
    }))
  }
}

/**
 * The height of each bar of a stack, the highest first, since the bars are drawn over each other.
 *
 * @param {Iterable<number[]>} counts
 * @returns {number[][]}
 */
export function stacked (counts) {
  /** @type {number[][]} */
  const sums = []
  for (const list of counts) {
    const below = sums[0]
    sums.unshift(list.map((n, i) => n + (below?.[i] ?? 0)))
  }
  return sums
}
