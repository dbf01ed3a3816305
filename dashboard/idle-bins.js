// How many empty bins are shown on each side of the closes and limits, and how many bins at least.
const MARGIN = 2
const FEWEST = 8

/**
 * The position of a time on the bins, whose edges are spaced logarithmically: 2.5 is the middle of the third bin.
 *
 * @param {readonly number[]} edges upper bounds, ms
 * @param {number} ms
 */
export function binPosition (edges, ms) {
  const i = edges.findIndex(edge => edge >= ms)
  if (i === -1) return edges.length
  const upper = edges[i] ?? 1
  const lower = edges[i - 1] ?? upper / ((edges[i + 1] ?? 2 * upper) / upper)
  return i + Math.max(0, Math.log(ms / lower) / Math.log(upper / lower))
}

/**
 * The range of bins to show: those with closes or limits, and a margin.
 *
 * @param {readonly number[]} counts
 * @param {readonly number[]} positions of the limits, on the bins
 * @returns {{ first: number, last: number }} both are shown
 */
export function binsShown (counts, positions) {
  const used = [...counts.keys()].filter(i => (counts[i] ?? 0) > 0)
  const places = [...used, ...positions.map(Math.floor)]
  const last = Math.min(counts.length - 1, Math.max(FEWEST, ...places) + MARGIN)
  return { first: Math.max(0, Math.min(last - FEWEST, ...places) - MARGIN), last }
}
