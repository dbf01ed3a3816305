import type { Server } from 'node:http'

// Node keeps this many header lines of a request where no `maxHeadersCount` is set, and drops the rest without an error.
const NODES_MOST_LINES = 1_000

/** The most header lines that a request may have. With more, Node may have dropped some. */
export function mostLinesOf ({ maxHeadersCount }: Server): number {
  if (maxHeadersCount === null || maxHeadersCount === undefined) return NODES_MOST_LINES
  // A request with exactly as many lines as are allowed may have had more.
  return maxHeadersCount === 0 ? Infinity : maxHeadersCount - 1
}

/** Whether Node may have dropped header lines of a request: it has as many as Node keeps. */
export function isCut ({ maxHeadersCount }: Server, rawHeaders: readonly string[]): boolean {
  const limit = maxHeadersCount ?? NODES_MOST_LINES
  return limit > 0 && rawHeaders.length >= 2 * limit
}
