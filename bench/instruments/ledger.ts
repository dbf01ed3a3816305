/** One request of a run: what its client sent and got, and what the backends did with it. */
export interface Entry {
  readonly id: string
  readonly method: string
  readonly path: string
  /** Whether a gateway can hold the whole body; true without a body. */
  readonly replayable: boolean
  /** The requests before it on its client's connection, with their outcomes. */
  readonly after?: string
  /** What its client saw: a status, `cut off`, `left`; undefined until something came. */
  outcome?: string
  /** One entry for each time that a backend got it whole, in order. */
  readonly executions: Execution[]
}

export interface Execution {
  readonly backend: string
  /** `performance.now()` */
  readonly at: number
  /** Which request of its connection it was. */
  readonly nth: number
  /** When the first byte of an answer was written; undefined without one. */
  answeredAt?: number
  /** The fault that struck it. */
  fault?: string
}

/** What must not happen to any request. */
export type Violation = 'lost' | 'misdelivered' | 'duplicated unsafe' | 'wrongly retried' | 'masked truncations' | 'malformed'

const EXAMPLES = 3
const LONGEST_EXAMPLE = 800

/** What clients and backends report of each request, by its id. */
export class Ledger {
  readonly outcomes = new Map<string, number>()
  readonly #entries = new Map<string, Entry>()
  readonly #found = new Map<Violation, string[]>()

  get requests (): number {
    return this.#entries.size
  }

  sent (entry: Omit<Entry, 'executions'>): Entry {
    const full = { ...entry, executions: [] }
    this.#entries.set(entry.id, full)
    return full
  }

  settled (entry: Entry, outcome: string): void {
    entry.outcome = outcome
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
  }

  /** Notes that a backend got a request whole. Returns undefined if no client sent it. */
  executed (id: string, execution: Execution): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) this.#add('misdelivered', `a backend got the unknown id ${id}`)
    else entry.executions.push(execution)
  }

  violated (violation: Violation, entry: Entry, what = ''): void {
    this.#add(violation, `${what} ${JSON.stringify(entry)}`.trim())
  }

  /** Judges what needs the reports of both sides. Call it once, at the end. */
  judge (): void {
    for (const entry of this.#entries.values()) {
      if (entry.outcome === undefined) this.violated('lost', entry)
      const [first, ...again] = entry.executions
      if (first === undefined || again.length === 0) continue
      if (entry.method === 'POST') this.violated('duplicated unsafe', entry)
      const answered = again.some(({ at }) => first.answeredAt !== undefined && first.answeredAt < at)
      if (answered || !entry.replayable || again.length > 1) this.violated('wrongly retried', entry)
    }
  }

  count (violation: Violation): number {
    return this.#found.get(violation)?.length ?? 0
  }

  /** The first examples of a kind, to find the cause. */
  examples (violation: Violation): string[] {
    return (this.#found.get(violation) ?? []).slice(0, EXAMPLES).map((what) => what.slice(0, LONGEST_EXAMPLE))
  }

  /** Requests that backends rightly got more than once. */
  get sentAgain (): number {
    return [...this.#entries.values()].filter(({ executions }) => executions.length > 1).length
  }

  #add (violation: Violation, what: string): void {
    this.#found.set(violation, [...this.#found.get(violation) ?? [], what])
  }
}
