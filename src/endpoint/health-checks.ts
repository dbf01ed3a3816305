import type { CheckTerms, RunningCheck } from './health-check.js'
import { checkEndpoint } from './health-check.js'
import type { Endpoint } from './endpoint.js'

interface Scheduled {
  timer: NodeJS.Timeout | undefined
  running: RunningCheck | undefined
}

/** Runs the health checks of a target's endpoints, each over a connection of its own. `checks.ts` says when, and what a result means. */
export class HealthChecks {
  readonly #terms: CheckTerms
  readonly #clock: () => number
  readonly #scheduled = new Map<Endpoint, Scheduled>()

  constructor (terms: CheckTerms, clock: () => number) {
    this.#terms = terms
    this.#clock = clock
  }

  add (endpoint: Endpoint): void {
    const scheduled: Scheduled = { timer: undefined, running: undefined }
    this.#scheduled.set(endpoint, scheduled)
    this.#schedule(endpoint, scheduled)
  }

  remove (endpoint: Endpoint): void {
    const scheduled = this.#scheduled.get(endpoint)
    if (scheduled === undefined) return
    this.#scheduled.delete(endpoint)
    clearTimeout(scheduled.timer)
    scheduled.running?.abort()
  }

  stop (): void {
    for (const endpoint of [...this.#scheduled.keys()]) this.remove(endpoint)
  }

  #schedule (endpoint: Endpoint, scheduled: Scheduled): void {
    const { checks } = endpoint.health
    if (checks === undefined || this.#scheduled.get(endpoint) !== scheduled) return
    scheduled.timer = setTimeout(() => this.#check(endpoint, scheduled), Math.max(1, checks.dueAt - this.#clock())).unref()
  }

  #check (endpoint: Endpoint, scheduled: Scheduled): void {
    endpoint.checked({ type: 'check_begun' })
    scheduled.running = checkEndpoint(endpoint.dialer, this.#terms, result => {
      scheduled.running = undefined
      endpoint.checked(result.passed ? { type: 'check_passed' } : { type: 'check_failed', cause: result.cause })
      this.#schedule(endpoint, scheduled)
    })
  }
}
