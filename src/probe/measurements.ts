import type { Answer, Ending } from './probed-connection.js'

/** How a connection ended that served no request after an answer. */
export type CloseWay = Ending['by'] | 'announced' | 'unanswered'

/** What became of a connection after a request. */
export interface Reuse {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly answer: Answer
  /** Undefined where the connection served another request. */
  readonly closed: CloseWay | undefined
}

/** One connection that the backend closed while it lay idle. */
export interface IdleClose { readonly ms: number, readonly by: Ending['by'] }

export interface IdleTimes {
  /** Connections that have begun to lie idle after an answer. */
  opened: number
  /** Connections that got no first answer, for example because the backend serves no more at once. */
  unanswered: number
  readonly closes: IdleClose[]
  /** The longest time that a connection was idle and was not closed. */
  survivedMs: number
}

export interface RequestCount {
  /** Requests answered on one connection. */
  tried: number
  /** The number of the request after which the connection ends. */
  limit: number | undefined
  /** Whether the last answer announced the end. */
  announced: boolean
  /** Why the limit is doubtful, or unknown. */
  doubt: string | undefined
}

/** The coding of one page for a request that accepts gzip; undefined: none. */
export interface Compression {
  readonly plain: string | undefined
  /** The same for a request with `Via`. */
  readonly withVia: string | undefined
}

export interface Handshakes {
  readonly connectMs: number
  readonly version: string | null
  /** A full handshake. */
  readonly fullMs: number
  /** A handshake that offers the session of the first one. */
  resumedMs: number | undefined
  resumes: boolean | undefined
}

/** All that a probe has found out so far. Times in ms. */
export interface Measurements {
  readonly url: URL
  readonly maxWait: number
  /** The first request of each connection that was dialled to see if it is kept. */
  readonly firsts: Reuse[]
  readonly dials: readonly number[]
  idle: IdleTimes | undefined
  requests: RequestCount | undefined
  head: Reuse | undefined
  post: Reuse | undefined
  compression: Compression | undefined
  tls: Handshakes | undefined
  /** Whether the probe came to its end, and was not interrupted. */
  complete: boolean
}

/**
 * Whether the backend keeps connections open: true when one connection was kept. A connection that was closed after an error proves nothing
 * (nginx closes after a 413 or a 500, other servers after each 404). Undefined where there are only such connections.
 */
export function persistenceOf (firsts: readonly Reuse[]): boolean | undefined {
  if (firsts.some(({ closed }) => closed === undefined)) return true
  const telling = firsts.filter(({ answer, closed }) => closed !== 'announced' || answer.status < 400 || answer.minor === 0)
  return telling.length > 0 ? false : undefined
}

/** How most of the connections ended, among those that were not kept. */
export function closeWayOf (firsts: readonly Reuse[]): CloseWay | undefined {
  const ways = firsts.map(({ closed }) => closed).filter(way => way !== undefined)
  return mostFrequent(ways)
}

/** The smallest idle time after which a connection was closed, in ms. */
export function smallestClose ({ closes }: Pick<IdleTimes, 'closes'>): number | undefined {
  return closes.length === 0 ? undefined : Math.min(...closes.map(({ ms }) => ms))
}

/** The most frequent item of a list; the first where several are as frequent. */
export function mostFrequent<T> (list: readonly T[]): T | undefined {
  const counts = new Map<T, number>()
  for (const item of list) counts.set(item, (counts.get(item) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0]
}

/** Whether the backend compresses a page, and does not for a request with `Via`; undefined where it does not compress it at all. */
export function viaStopsCompression ({ compression }: Measurements): boolean | undefined {
  if (compression?.plain === undefined) return undefined
  return compression.withVia === undefined
}

/** Whether an answer refuses its request. What becomes of the connection then says nothing about requests that are served. */
export function isRefusal ({ status }: Answer): boolean {
  return status >= 400
}

/** After which request a connection ends unannounced: by no `Connection: close`, and by no `max` of the first response. */
export function unannouncedLimit ({ requests, firsts }: Measurements): number | undefined {
  if (requests?.limit === undefined || requests.announced) return undefined
  // The first response says how many may follow it.
  return requests.limit < (firsts[0]?.answer.signal?.max ?? Infinity) + 1 ? requests.limit : undefined
}
