import { HoldfastError } from '../errors.js'
import type { ConnectOptions } from '../options/option-types.js'
import { measureCompression } from './compression.js'
import { judgeHead } from './head-reuse.js'
import { measureHandshakes } from './handshakes.js'
import { measureIdleTimes } from './idle-times.js'
import { persistenceOf } from './measurements.js'
import type { Measurements } from './measurements.js'
import { progressOf } from './progress.js'
import { reportOf } from './report.js'
import type { ProbeReport } from './report.js'
import { countRequests } from './request-count.js'
import { judgeReuse } from './reuse.js'
import { Subject } from './subject.js'

export type { ProbeReport } from './report.js'

/** How to probe. Times in ms. */
export interface ProbeOptions {
  /** How long connections lie idle at most. With the requests before and after, the probe takes a little longer. */
  readonly maxWait: number
  /** Connections that lie idle at once. 16. */
  readonly connections?: number
  /** Requests tried on one connection, at most. 1 100: nginx ends one after 1 000, Apache after 101. */
  readonly requests?: number
  /** Request headers, names and values in turn, as undici takes them. */
  readonly headers?: readonly string[]
  /** The path to send a POST without a body to. Default: no POST is sent. */
  readonly post?: string | undefined
  /** How to connect: TLS and socket options, as in `undiciOptions.connect`. */
  readonly connect?: ConnectOptions
  /** How long one answer may take. 10 000. */
  readonly answerTimeout?: number
  /** Ends the probe early, with what is known by then. */
  readonly signal?: AbortSignal
  /** Called each second with what is known by then, in one line for a person. */
  readonly onProgress?: (text: string) => void
}

export const DEFAULT_CONNECTIONS = 16
export const DEFAULT_REQUESTS = 1_100
export const DEFAULT_ANSWER_TIMEOUT = 10_000
const PROGRESS_INTERVAL = 1_000
// The connection inspector's default: a backend is non-persistent when this many connections in a row were not kept.
const CLOSES = 3

/**
 * Measures what a backend does with its connections, in about `maxWait`, and less where its idle timeout is less. GETs go to
 * the URL's path: about `requests` on one connection, and a few on others, three of which accept gzip. A HEAD is sent,
 * and a POST if asked for.
 *
 * Throws HoldfastError where the backend cannot be reached, or gives no answer that can be read. Ended by `signal`, it reports
 * what is known by then.
 */
export async function probe (url: URL, options: ProbeOptions): Promise<ProbeReport> {
  return reportOf(await measure(url, options))
}

/** The measurements that `probe` makes its report of. */
export async function measure (url: URL, options: ProbeOptions): Promise<Measurements> {
  const { maxWait, headers = [], connect = {}, answerTimeout = DEFAULT_ANSWER_TIMEOUT, signal, onProgress } = options
  const subject = new Subject(url, { headers, connect, answerTimeout })
  const found: Measurements = {
    url, maxWait, firsts: [], dials: subject.dials, complete: false,
    idle: undefined, requests: undefined, head: undefined, post: undefined, compression: undefined, tls: undefined
  }
  const began = performance.now()
  const interrupt = (): void => subject.end()
  signal?.addEventListener('abort', interrupt, { once: true })
  if (signal?.aborted === true) interrupt()
  const ticker = onProgress && setInterval(() => onProgress(progressOf(found, performance.now() - began)), PROGRESS_INTERVAL)
  try {
    await judgePersistence(subject, found)
    const secure = url.protocol === 'https:' && orNothing(measureHandshakes(subject).then(tls => { found.tls = tls }))
    const compression = orNothing(measureCompression(subject).then(compression => { found.compression = compression }))
    await Promise.all([secure, compression, persistenceOf(found.firsts) === true && measureKept(subject, found, options, began)])
    found.complete = !subject.over
  } catch (error) {
    if (!subject.over) throw error
  } finally {
    clearInterval(ticker)
    signal?.removeEventListener('abort', interrupt)
    subject.end()
  }
  return found
}

async function judgePersistence (subject: Subject, found: Measurements): Promise<void> {
  found.firsts.push(await judgeReuse(subject, 'GET'))
  for (let i = 1; i < CLOSES && persistenceOf(found.firsts) !== true && !subject.over; i++) {
    await orNothing(judgeReuse(subject, 'GET').then(first => { found.firsts.push(first) }))
  }
}

// All at once: the idle times take longest.
async function measureKept (subject: Subject, found: Measurements, options: ProbeOptions, began: number): Promise<void> {
  const { maxWait, connections = DEFAULT_CONNECTIONS, requests = DEFAULT_REQUESTS, post } = options
  const { status } = found.firsts[0]!.answer
  const idle = found.idle = { opened: 0, unanswered: 0, closes: [], survivedMs: 0 }
  const count = found.requests = { tried: 0, limit: undefined, announced: false, doubt: undefined }
  await Promise.all([
    measureIdleTimes(subject, idle, { connections, maxWait }),
    orNothing(countRequests(subject, count, { most: requests, until: began + maxWait, status })),
    orNothing(judgeHead(subject).then(head => { found.head = head })),
    post === undefined ? undefined : orNothing(judgeReuse(subject, 'POST', post).then(answered => { found.post = answered }))
  ])
}

/** A measurement that may fail; what it would have found stays unknown then. */
async function orNothing (measurement: Promise<void>): Promise<void> {
  try {
    await measurement
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
  }
}
