import { isDeepStrictEqual } from 'node:util'
import { endpointsOf, heldUntil, missingOf, nextHeld, NOTHING_HELD, type HoldEvent, type HoldSettings } from './hold.js'
import { calmAt, nextReport, NOTHING_REPORTED, type Report, type SourceEvent } from './reports.js'
import type { DiscoveryFault, Found, Source } from './source.js'
import type { Timing } from './timing.js'

/** Gets what discovery decides. */
export interface DiscoveryListener {
  /** The endpoints, all of them, each time that there is a change. The first list comes with the first answer. */
  changed (endpoints: readonly Found[]): void
  /** A line for the log. */
  reported? (report: Report): void
}

/** How discovery goes, for a snapshot. Times in ms. */
export interface DiscoveryView {
  /** How many endpoints it knows. */
  readonly endpoints: number
  /** Those of them that the last answers lack. */
  readonly missing: number
  /** Since the last answer; undefined if there was none. */
  readonly age: number | undefined
  /** How often its source has answered. */
  readonly answers: number
  /** How often its source has not answered. */
  readonly failures: number
  /** The last fault, until an answer without one. */
  readonly fault: DiscoveryFault | undefined
}

/** How long endpoints that answers lack are kept, in ms. */
export const HOLD = 30_000
/** The most endpoints of a target. */
export const MOST_ENDPOINTS = 1_000

export interface DiscoveryOptions extends Partial<HoldSettings> {
  readonly source: Source
  readonly timing: Timing
}

/** The endpoints of one target: what its source finds, as the policies of `hold.ts` and `reports.ts` take it. */
export class Discovery {
  readonly #source: Source
  readonly #timing: Timing
  readonly #settings: HoldSettings
  #listener: DiscoveryListener | undefined
  #held = NOTHING_HELD
  #reported = NOTHING_REPORTED
  #pushed: readonly Found[] | undefined
  #answeredAt: number | undefined
  #answers = 0
  #failures = 0
  #fault: DiscoveryFault | undefined
  #cancelTimer = (): void => {}

  constructor ({ source, timing, hold = HOLD, most = MOST_ENDPOINTS }: DiscoveryOptions) {
    this.#source = source
    this.#timing = timing
    this.#settings = { hold, most }
  }

  /** Called once. The listener is never called within this call. */
  start (listener: DiscoveryListener): void {
    this.#listener = listener
    this.#source.start({
      found: answer => {
        this.#answers++
        this.#answeredAt = this.#timing.clock()
        this.#hold({ type: 'answer', answer })
        // An empty first answer is one: requests have not to wait for it any longer.
        if (this.#pushed === undefined) this.#push([])
        const { left } = this.#held
        const { fault = left === 0 ? undefined : tooMany(this.#settings.most) } = answer
        this.#fault = fault
        this.#report(fault === undefined ? { type: 'well' } : { type: 'fault', fault })
      },
      failed: fault => {
        this.#failures++
        this.#fault = fault
        this.#report({ type: 'fault', fault })
      }
    })
  }

  stop (): void {
    this.#listener = undefined
    this.#cancelTimer()
    this.#source.stop()
  }

  /** Asks the source soon, if it asks at intervals. */
  refresh (): void {
    this.#source.refresh?.()
  }

  /**
   * Dials of this endpoint are refused from now on. If answers lack it, it is gone. If not, it may have moved: the source is asked soon,
   * where it asks at intervals, so that the TTL of the last answer need not pass first.
   */
  refuses (id: string): void {
    this.#hold({ type: 'refuses', id })
    this.#source.refresh?.()
  }

  /** A dial of this endpoint has succeeded. */
  serves (id: string): void {
    this.#hold({ type: 'serves', id })
  }

  view (): DiscoveryView {
    return {
      endpoints: this.#held.members.size,
      missing: missingOf(this.#held),
      age: this.#answeredAt === undefined ? undefined : this.#timing.clock() - this.#answeredAt,
      answers: this.#answers,
      failures: this.#failures,
      fault: this.#fault
    }
  }

  #hold (event: HoldEvent): void {
    const held = nextHeld(this.#held, event, this.#timing.clock(), this.#settings)
    // The first answer may be an empty list. It is told like any other.
    const first = event.type === 'answer' && this.#pushed === undefined
    if (held === this.#held && !first) return
    this.#held = held
    this.#setTimer()
    const endpoints = endpointsOf(held)
    if (!isDeepStrictEqual(endpoints, this.#pushed)) this.#push(endpoints)
  }

  #push (endpoints: readonly Found[]): void {
    this.#pushed = endpoints
    this.#listener?.changed(endpoints)
  }

  #report (event: SourceEvent): void {
    const { reported, report } = nextReport(this.#reported, event, this.#timing.clock())
    if (reported !== this.#reported) {
      this.#reported = reported
      this.#setTimer()
    }
    if (report !== undefined) this.#listener?.reported?.(report)
  }

  #setTimer (): void {
    this.#cancelTimer()
    const due = Math.min(heldUntil(this.#held, this.#settings) ?? Infinity, calmAt(this.#reported) ?? Infinity)
    if (due === Infinity || this.#listener === undefined) return
    this.#cancelTimer = this.#timing.after(Math.max(1, due - this.#timing.clock()), () => {
      this.#hold({ type: 'passed' })
      this.#report({ type: 'passed' })
      // Timers of Node's may come a moment before their time.
      this.#setTimer()
    })
  }
}

function tooMany (most: number): DiscoveryFault {
  return { kind: 'invalid', message: `more than ${most} endpoints; the rest of them is left out` }
}
