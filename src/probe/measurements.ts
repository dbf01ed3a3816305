import type { Answer, Ending } from './probed-connection.js'

/** How a connection ended after an answer that could not be followed by another. */
export type CloseWay = Ending['by'] | 'announced' | 'unanswered'

/** What became of a connection after one request of some method. */
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
  /** Those that got no answer to begin with, as where a backend serves no more connections at once. */
  unanswered: number
  readonly closes: IdleClose[]
  /** The longest time that one has lain idle without being closed. */
  survivedMs: number
}

export interface RequestCount {
  /** Requests answered on one connection. */
  tried: number
  /** With which one the connection ends. */
  limit: number | undefined
  /** Whether the last answer says so. */
  announced: boolean
  /** What speaks against that, or made it impossible to tell. */
  doubt: string | undefined
}

/** How the backend codes one page for a request that takes gzip; undefined: not at all. */
export interface Compression {
  readonly plain: string | undefined
  /** The same for one that has passed a gateway, and says so. */
  readonly withVia: string | undefined
}

export interface Handshakes {
  readonly connectMs: number
  readonly version: string | null
  /** A full handshake. */
  readonly fullMs: number
  /** One that offers the first one's session. */
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
  /** Whether nothing was left out: it was not ended early. */
  complete: boolean
}

/**
 * Whether the backend keeps connections open: as soon as one of those dialled was. One that was closed after an error (nginx
 * closes after a 413 or a 500, others after each 404) says nothing; undefined where there is nothing but those.
 */
export function persistenceOf (firsts: readonly Reuse[]): boolean | undefined {
  if (firsts.some(({ closed }) => closed === undefined)) return true
  const telling = firsts.filter(({ answer, closed }) => closed !== 'announced' || answer.status < 400 || answer.minor === 0)
  return telling.length > 0 ? false : undefined
}

/** How most of the connections ended that were not kept. */
export function closeWayOf (firsts: readonly Reuse[]): CloseWay | undefined {
  const ways = firsts.map(({ closed }) => closed).filter(way => way !== undefined)
  return mostFrequent(ways)
}

/** The smallest idle time after which a connection was closed, in ms. */
export function smallestClose ({ closes }: Pick<IdleTimes, 'closes'>): number | undefined {
  return closes.length === 0 ? undefined : Math.min(...closes.map(({ ms }) => ms))
}

/** What is in a list most often; the first of several. */
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

/** Whether an answer says that its request was not carried out, but refused: what becomes of the connection then is about refusals. */
export function isRefusal ({ status }: Answer): boolean {
  return status >= 400
}

/** With which request a connection ends that nothing has announced by then: no `Connection: close`, no `max` that leaves less. */
export function unannouncedLimit ({ requests, firsts }: Measurements): number | undefined {
  if (requests?.limit === undefined || requests.announced) return undefined
  // The first response says how many may follow it.
  return requests.limit < (firsts[0]?.answer.signal?.max ?? Infinity) + 1 ? requests.limit : undefined
}
