import type { IdleTimes } from './measurements.js'
import type { Ending, ProbedConnection } from './probed-connection.js'
import type { Subject } from './subject.js'

// In ms. Some servers look for idle connections once a second (gunicorn's gthread does). Idle times that begin at all phases of that
// second differ, and the smallest is the configured timeout.
const SPREAD = 1_250
// In ms behind the smallest close. Connections that are open for longer would change the largest idle time only.
const SETTLED = 1_500

export interface IdleSettings { readonly connections: number, readonly maxWait: number }

/**
 * Lets many connections lie idle, each after an answer: servers treat connections that were never used differently. An idle time lasts from
 * the last byte of the answer to the first sign of a close. `times` is filled while the measurement runs.
 */
export async function measureIdleTimes (subject: Subject, times: IdleTimes, { connections, maxWait }: IdleSettings): Promise<void> {
  const step = connections > 1 ? SPREAD / (connections - 1) : 0
  const idlers = new Set<Idler>()
  let starting = connections
  const settle = (): void => {
    if (starting > 0 || times.closes.length * 2 < times.opened) return
    const smallest = Math.min(...times.closes.map(({ ms }) => ms))
    for (const idler of idlers) idler.endAfter(smallest + SETTLED)
  }

  await Promise.all(Array.from({ length: connections }, async (_, i) => {
    const idler = await subject.wait(i * step).then(() => begin(subject, maxWait)).catch(() => undefined)
    starting--
    if (idler === undefined) {
      if (!subject.over) times.unanswered++
    } else {
      times.opened++
      idlers.add(idler)
      settle()
      const ending = await idler.over
      idlers.delete(idler)
      const ms = (ending?.at ?? performance.now()) - idler.since
      // A connection that this side has ended, as when the probe is interrupted, has survived until then.
      if (ending === undefined || ending.by === 'own') times.survivedMs = Math.max(times.survivedMs, ms)
      else times.closes.push({ ms, by: ending.by })
    }
    settle()
  }))
}

async function begin (subject: Subject, maxWait: number): Promise<Idler | undefined> {
  const connection = await subject.open()
  const { reusable, endedAt } = await connection.ask()
  if (reusable) return new Idler(connection, endedAt, maxWait)
  connection.destroy()
  return undefined
}

/** A connection that lies idle until its backend closes it, or until its longest time has passed. */
class Idler {
  readonly since: number
  /** How it was closed; undefined where its longest time has passed. */
  readonly over: Promise<Ending | undefined>
  #longest: number
  #timer: NodeJS.Timeout
  #end!: () => void

  constructor (connection: ProbedConnection, since: number, longest: number) {
    this.since = since
    this.#longest = longest
    const outlived = new Promise<undefined>(resolve => { this.#end = () => resolve(undefined) })
    this.#timer = setTimeout(this.#end, since + longest - performance.now())
    this.over = Promise.race([connection.closed, outlived]).finally(() => {
      clearTimeout(this.#timer)
      connection.destroy()
    })
  }

  /** Shortens its longest time. */
  endAfter (ms: number): void {
    if (ms >= this.#longest) return
    this.#longest = ms
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#end, this.since + ms - performance.now())
  }
}
