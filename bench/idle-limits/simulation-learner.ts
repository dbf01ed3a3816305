import { nextEvidence } from '../../src/target/idle-learning.js'
import type { IdleEvent } from '../../src/target/idle-learning.js'
import { NO_EVIDENCE, idleCeiling, idleLimit, learnedLimit, outlivedAt, unsafeIdleLimit } from '../../src/target/idle-limit.js'
import type { Estimator, IdleEvidence, IdleLimit } from '../../src/target/idle-limit.js'
import { RoundTrip } from '../../src/target/round-trip.js'

/** Defaults of the options. */
export const SETTINGS = { keepAliveTimeout: 60_000, keepAliveMaxTimeout: 60_000, keepAliveTimeoutThreshold: 1_000 }

// Copies of constants in src/target/belief.ts.
const SHORT_LOSS = 100
const RUMOUR_LASTS = 600_000

/** What a lost connection turns out to have been, as in src/target/belief.ts. */
export interface LostReuse {
  answered (): void
  unknown (): void
}

interface Clock {
  readonly now: number
  timer (at: number, run: () => void): void
}

/** What a target learns from its pool, as in src/target/belief.ts, with any constants of the estimator. Times in ms. */
export class Learner {
  limit: IdleLimit
  unsafeLimit: number
  readonly #using: Estimator
  readonly #claimed: number | undefined
  readonly #clock: Clock
  readonly #limitChanged: (fell: boolean) => void
  readonly #roundTrip = new RoundTrip()
  #evidence: IdleEvidence = NO_EVIDENCE
  #rumours = 0

  constructor (using: Estimator, claimed: number | undefined, clock: Clock, limitChanged: (fell: boolean) => void) {
    this.#using = using
    this.#claimed = claimed
    this.#clock = clock
    this.#limitChanged = limitChanged
    this.limit = idleLimit(SETTINGS, claimed, undefined)
    this.unsafeLimit = unsafeIdleLimit(this.limit, this.#evidence, 0, using)
  }

  closed (idleMs: number, left: boolean): void {
    this.#learn({ type: 'closed', idleMs, left: left ? 1 : 0 })
  }

  exchanged (ms: number, idleMs: number): void {
    if (idleMs > this.#evidence.survived) this.#learn({ type: 'survived', idleMs })
    if (this.#roundTrip.add(ms)) this.#limit()
  }

  reuseLost (idleMs: number, lostMs: number, others: number, somethingSettled: () => boolean): LostReuse | undefined {
    if (lostMs > Math.max(SHORT_LOSS, 2 * this.#roundTrip.shortest)) return undefined
    return {
      answered: () => this.#learn({ type: 'closed', idleMs, left: somethingSettled() ? 1 : 0, found: true, others }),
      unknown: () => this.#learn({ type: 'doubted', idleMs })
    }
  }

  watchUntil (idleMs: number, heard: boolean): number | undefined {
    const ceiling = idleCeiling(SETTINGS, this.limit.hinted)
    const { learned } = this.limit
    if (learned === undefined) return heard && idleMs < ceiling ? ceiling : undefined
    if (heard || learned >= ceiling || this.#clock.now - idleMs < this.#evidence.since) return undefined
    return Math.max(outlivedAt(this.#evidence, this.#using)!, idleMs)
  }

  outlasted (idleMs: number): void {
    this.#learn({ type: 'outlived', idleMs })
  }

  #learn (event: IdleEvent): void {
    const evidence = nextEvidence(this.#evidence, event, this.#clock.now, this.#using)
    if (evidence === this.#evidence) return
    if (evidence.rumour !== this.#evidence.rumour) {
      const rumour = ++this.#rumours
      if (evidence.rumour !== undefined) this.#clock.timer(this.#clock.now + RUMOUR_LASTS, () => { if (rumour === this.#rumours) this.#learn({ type: 'forgotten' }) })
    }
    this.#evidence = evidence
    this.#limit()
  }

  #limit (): void {
    const { effective } = this.limit
    const { shortest } = this.#roundTrip
    this.limit = idleLimit(SETTINGS, this.#claimed, learnedLimit(this.#evidence, shortest, this.#using))
    this.unsafeLimit = unsafeIdleLimit(this.limit, this.#evidence, shortest, this.#using)
    this.#limitChanged(this.limit.effective < effective)
  }
}
