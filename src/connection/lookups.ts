import { AsyncResource } from 'node:async_hooks'
import type { LookupAddress } from 'node:dns'

/** The options of a look-up: `family` is 0, 4 or 6; `hints` as for `dns.lookup`. */
export interface NameQuery { readonly family: number, readonly hints: number }

/** Called once, after the source has returned. */
export type Answered = (error: Error | null, addresses: readonly LookupAddress[]) => void

/** Finds the addresses of a name. */
export type NameSource = (name: string, query: NameQuery, answered: Answered) => void

/** Calls `then` after `ms`. Returns a function that cancels it. */
export type After = (ms: number, then: () => void) => () => void

interface LookUp {
  readonly key: string
  readonly name: string
  readonly query: NameQuery
  readonly waiting: Answered[]
  readonly callOff: (() => void)[]
  /** waiting: for a thread. elsewhere: being asked without a thread. running: in a thread. */
  state: 'waiting' | 'elsewhere' | 'running' | 'over'
  /** When its thread began. */
  since: number
}

// In ms. A healthy name server has answered by then, even a distant one.
const USUAL_ANSWER = 100
// In ms. Longer than most connect timeouts. A look-up that waits longer for a thread fails, so that the queue is bounded.
const LONGEST_WAIT = 10_000

/**
 * The look-ups of a process. `getaddrinfo` blocks one of libuv's threads until the name server answers. A process has four threads by
 * default, so four names that hang would block every dial and every file. So each name has one look-up in flight, shared by all dials of
 * it, and at most `most` look-ups are in threads. If those are not answered in the usual time, other names are asked without a thread. Only
 * a name that is not found that way waits for a thread. Sources, clock and timers are passed in, so tests need no network.
 */
export class Lookups {
  readonly #threaded: NameSource
  readonly #threadless: NameSource
  readonly #most: number
  readonly #clock: () => number
  readonly #after: After
  readonly #inFlight = new Map<string, LookUp>()

  constructor (init: { threaded: NameSource, threadless: NameSource, most: number, clock: () => number, after: After }) {
    this.#threaded = init.threaded
    this.#threadless = init.threadless
    this.#most = init.most
    this.#clock = init.clock
    this.#after = init.after
  }

  /** Names that are being looked up. */
  get size (): number { return this.#inFlight.size }

  ask (name: string, query: NameQuery, answered: Answered): void {
    // Each callback runs in the async context of its own dial.
    const answer = AsyncResource.bind(answered)
    const key = `${query.family} ${query.hints} ${name.toLowerCase()}`
    const shared = this.#inFlight.get(key)
    if (shared !== undefined) {
      shared.waiting.push(answer)
      return
    }
    const lookUp: LookUp = { key, name, query, waiting: [answer], callOff: [], state: 'waiting', since: 0 }
    this.#inFlight.set(key, lookUp)
    const running = this.#running()
    if (running.length < this.#most) {
      this.#run(lookUp)
      return
    }
    const usual = Math.max(...running.map(({ since }) => since)) + USUAL_ANSWER
    lookUp.callOff.push(
      this.#after(Math.max(0, usual - this.#clock()), () => this.#askElsewhere(lookUp)),
      this.#after(LONGEST_WAIT, () => { if (lookUp.state !== 'running') this.#over(lookUp, unanswered(name), []) })
    )
  }

  #running (): LookUp[] {
    return [...this.#inFlight.values()].filter(({ state }) => state === 'running')
  }

  #run (lookUp: LookUp): void {
    lookUp.state = 'running'
    lookUp.since = this.#clock()
    const answered: Answered = (error, addresses) => {
      this.#over(lookUp, error, addresses)
      this.#runNext()
    }
    try {
      this.#threaded(lookUp.name, lookUp.query, answered)
    } catch (error) {
      // `dns.lookup` throws for unknown hints. Without an answer, the look-up would count as running for ever.
      queueMicrotask(() => answered(error as Error, []))
    }
  }

  #runNext (): void {
    if (this.#running().length >= this.#most) return
    for (const lookUp of this.#inFlight.values()) {
      if (lookUp.state === 'waiting') return this.#run(lookUp)
    }
  }

  #askElsewhere (lookUp: LookUp): void {
    if (lookUp.state !== 'waiting') return
    lookUp.state = 'elsewhere'
    this.#threadless(lookUp.name, lookUp.query, (error, addresses) => {
      if (lookUp.state !== 'elsewhere') return
      if (error === null && addresses.length > 0) return this.#over(lookUp, null, addresses)
      // getaddrinfo may know more than the hosts file and DNS, so its answer decides.
      lookUp.state = 'waiting'
      this.#runNext()
    })
  }

  #over (lookUp: LookUp, error: Error | null, addresses: readonly LookupAddress[]): void {
    if (lookUp.state === 'over') return
    lookUp.state = 'over'
    this.#inFlight.delete(lookUp.key)
    for (const callOff of lookUp.callOff) callOff()
    for (const answer of lookUp.waiting) answer(error, addresses)
  }
}

function unanswered (hostname: string): Error {
  return Object.assign(new Error(`getaddrinfo EAI_AGAIN ${hostname}`), { code: 'EAI_AGAIN', syscall: 'getaddrinfo', hostname })
}
