import type { Row } from '../instruments/table.js'

const ACQUIRES = 200_000
const LONGER_THAN = [1, 5, 10, 20, 50, 100, 200, 500, 1_000]

/** Requests/s at random moments, and the time of a response, in ms. */
const TRAFFIC = [
  { rate: 5, response: 20 },
  { rate: 50, response: 20 },
  { rate: 500, response: 20 },
  { rate: 500, response: 2 },
  { rate: 5_000, response: 20 },
  { rate: 5_000, response: 2 }
]

// At this rate and above, a wait of one request in twenty costs at most half a microsecond of CPU a request.
const BUSY = 500
const FEW = 0.05

export interface IdleAtAcquire {
  readonly rows: Row[]
  /** The shortest time, in ms, that few acquires of a busy target exceed. */
  readonly watchFrom: number
}

/** The share of acquires whose reused connection was idle for longer than each of some times; in virtual time, most recently used first. */
export function idleAtAcquire (): IdleAtAcquire {
  const found = TRAFFIC.map(({ rate, response }) => {
    const times = idleTimes(rate, response)
    return { rate, response, shares: LONGER_THAN.map(ms => times.filter(time => time > ms).length / times.length) }
  })
  const busy = found.filter(({ rate }) => rate >= BUSY)
  return {
    rows: found.map(({ rate, response, shares }) => ({
      traffic: `${rate}/s, ${response} ms`,
      ...Object.fromEntries(LONGER_THAN.map((ms, n) => [`> ${ms} ms`, `${(100 * shares[n]!).toFixed(1)} %`]))
    })),
    watchFrom: LONGER_THAN.find((_ms, n) => busy.every(({ shares }) => shares[n]! <= FEW)) ?? Infinity
  }
}

function idleTimes (rate: number, response: number): number[] {
  const times: number[] = []
  const idle: number[] = []
  let ends: number[] = []
  let now = 0
  for (let n = 0; n < ACQUIRES; n++) {
    now += exponential(1000 / rate)
    const ended = ends.filter(at => at <= now).sort((a, b) => a - b)
    if (ended.length > 0) ends = ends.filter(at => at > now)
    idle.push(...ended)
    const since = idle.pop()
    if (since !== undefined) times.push(now - since)
    ends.push(now + exponential(response))
  }
  return times
}

function exponential (mean: number): number {
  return -Math.log(1 - Math.random()) * mean
}
