import { FIRST_PACE, nextPace, SHORTEST, type PaceEvent } from './pace.js'
import { faultOf, type Answer, type DiscoveryFault, type Source, type SourceListener } from './source.js'
import type { Timing } from './timing.js'

/** An answer, and how long it holds, in ms; undefined where the source does not say. */
export interface Polled { readonly answer: Answer, readonly ttl: number | undefined }

export interface PolledSourceOptions {
  /**
   * Asks once. What it throws is a fault. The signal is aborted when the answer is not wanted any more. A question that is answered bit by
   * bit tells the listener; from its first answer on, it may take as long as it likes.
   */
  readonly ask: (signal: AbortSignal, listener: SourceListener) => Promise<Polled>
  /** The longest time between an answer and the next question, in ms. */
  readonly refresh: number
  /** How long a question may take, in ms. */
  readonly patience: number
  readonly timing: Timing
}

/**
 * The most questions that are under way at once: one, and those that were given up and do not end. If there are that many, no new one is
 * asked until one of them ends.
 */
export const MOST_QUESTIONS = 3

/** A source that asks, waits, and asks again. One question is under way at a time. */
export class PolledSource implements Source {
  readonly #options: PolledSourceOptions
  #listener: SourceListener | undefined
  #pace = FIRST_PACE
  #asking: AbortController | undefined
  #askedAt = -Infinity
  #unended = 0
  #cancelTimer = (): void => {}

  constructor (options: PolledSourceOptions) {
    this.#options = options
  }

  start (listener: SourceListener): void {
    this.#listener = listener
    this.#ask()
  }

  stop (): void {
    this.#listener = undefined
    this.#cancelTimer()
    this.#asking?.abort()
    this.#asking = undefined
  }

  /** Asks at once, or as soon as the shortest time between two questions has passed. */
  refresh (): void {
    if (this.#listener === undefined || this.#asking !== undefined) return
    const { refresh, timing } = this.#options
    this.#askAfter(Math.max(0, this.#askedAt + Math.min(SHORTEST, refresh) - timing.clock()))
  }

  #ask (): void {
    const { ask, patience, timing } = this.#options
    if (this.#unended >= MOST_QUESTIONS) return this.#over({ type: 'failed' }, listener => listener.failed(unended()))
    const asking = new AbortController()
    this.#asking = asking
    this.#askedAt = timing.clock()
    this.#unended++
    this.#cancelTimer = timing.after(patience, () => {
      this.#over({ type: 'failed' }, listener => listener.failed(silent(patience)))
      asking.abort()
    })
    // What comes after the end, or after the patience, is not wanted.
    const ended = (event: PaceEvent, tell: (listener: SourceListener) => void): void => {
      this.#unended--
      if (this.#asking === asking) this.#over(event, tell)
    }
    const listener: SourceListener = {
      found: answer => {
        if (this.#asking !== asking) return
        this.#cancelTimer()
        this.#pace = FIRST_PACE
        this.#listener?.found(answer)
      },
      failed: fault => { if (this.#asking === asking) this.#listener?.failed(fault) }
    }
    // The source is not to be called within `start`.
    Promise.resolve().then(() => ask(asking.signal, listener)).then(
      ({ answer, ttl }) => ended({ type: 'answered', ttl }, listener => listener.found(answer)),
      (error: unknown) => ended({ type: 'failed' }, listener => listener.failed(faultOf(error, 'it failed')))
    )
  }

  #over (event: PaceEvent, tell: (listener: SourceListener) => void): void {
    const { refresh, timing } = this.#options
    this.#cancelTimer()
    this.#asking = undefined
    const { pace, wait } = nextPace(this.#pace, event, refresh, timing.random())
    this.#pace = pace
    if (this.#listener === undefined) return
    this.#askAfter(wait)
    tell(this.#listener)
  }

  #askAfter (ms: number): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#options.timing.after(ms, () => this.#ask())
  }
}

function silent (patience: number): DiscoveryFault {
  return { kind: 'silent', message: `no answer in ${patience} ms` }
}

function unended (): DiscoveryFault {
  const message = `${MOST_QUESTIONS} questions have not ended, though they were aborted; no other is asked until one ends`
  return { kind: 'silent', message }
}
