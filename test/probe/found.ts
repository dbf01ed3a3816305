import type { CloseWay, Measurements, Reuse } from '../../src/probe/measurements.js'
import type { Answer } from '../../src/probe/probed-connection.js'

/** A 200 in HTTP/1.1 that says nothing about its connection. */
export function answered (answer: Partial<Answer> = {}): Answer {
  return {
    failure: undefined, status: 200, minor: 1, signal: { persistent: true, cause: 'HTTP/1.1', timeout: undefined, max: undefined },
    connection: undefined, keepAlive: undefined, coding: undefined, framed: true, size: 2, announcesClose: false, reusable: true, endedAt: 0, ...answer
  }
}

/** A 200 with `Connection: keep-alive` and a hint; times in ms. */
export function hinted (timeout: number | undefined, max?: number): Answer {
  const says = [timeout !== undefined && `timeout=${timeout / 1000}`, max !== undefined && `max=${max}`].filter(Boolean).join(', ')
  return answered({ connection: 'keep-alive', keepAlive: says, signal: { persistent: true, cause: 'Connection: keep-alive', timeout, max } })
}

export function reuse (closed: CloseWay | undefined, answer: Partial<Answer> = {}, method: Reuse['method'] = 'GET'): Reuse {
  return { method, answer: answered(answer), closed }
}

/** Measurements of a backend that keeps connections and says nothing about them, with changes. */
export function found (measured: Partial<Measurements> = {}): Measurements {
  return {
    url: new URL('http://backend.test/'), maxWait: 65_000, firsts: [reuse(undefined)], dials: [3, 1, 2], complete: true,
    idle: { opened: 2, unanswered: 0, closes: [], survivedMs: 65_000 }, requests: { tried: 1_100, limit: undefined, announced: false, doubt: undefined },
    head: undefined, post: undefined, compression: undefined, tls: undefined, ...measured
  }
}

/** Idle connections that were all closed after so many ms. */
export function closedAfter (...times: number[]): NonNullable<Measurements['idle']> {
  return { opened: times.length, unanswered: 0, closes: times.map(ms => ({ ms, by: 'fin' })), survivedMs: 0 }
}
