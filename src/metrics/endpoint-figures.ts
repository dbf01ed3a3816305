import type { EndpointChange } from '../connection/observer.js'
import type { EndpointSnapshot } from '../endpoint/endpoint-snapshot.js'

/** The most endpoints of one target that have series of their own. */
export const MOST_OF_TARGET = 64
/** The most endpoints of an app that have series of their own: each has seven. */
export const MOST_OF_APP = 1_000
/** How long the counts of an endpoint that is gone are shown, in ms, so that a scrape reads their last values. */
export const RETAINED = 300_000

/** How many endpoints of an app have series of their own now. */
export class SeriesBudget {
  taken = 0
}

/** What is counted of one endpoint. */
export class EndpointFigure {
  address: string | undefined
  /** Exchanges that were begun on it. */
  requests = 0
  failures = 0
  /** `failures` of its last snapshot. */
  failuresSeen = 0
  /** Whether it has series of its own. Its counts go to those of the others until then. */
  shown = false
  /** When it was gone; undefined while it is not. */
  goneAt: number | undefined
}

/** The endpoints of one target in a scrape. */
export interface EndpointReadings {
  readonly shown: readonly { readonly id: string, readonly figure: EndpointFigure, readonly snapshot: EndpointSnapshot | undefined }[]
  /** All others together; undefined where there was none. */
  readonly others: { readonly figure: EndpointFigure, readonly snapshots: readonly EndpointSnapshot[] } | undefined
}

/**
 * Counts by endpoint, with a bound on the series that they become. Endpoints get series of their own at a scrape, in their order, as long
 * as there is room. All others are counted together. An endpoint keeps its series until it is gone and `RETAINED` has passed: a counter
 * that changed its series would look like a restart. Memory is bounded by the endpoints that a target has, and by the series.
 */
export class EndpointFigures {
  readonly #budget: SeriesBudget
  readonly #figures = new Map<string, EndpointFigure>()
  readonly #others = new EndpointFigure()
  #shown = 0

  constructor (budget: SeriesBudget) {
    this.#budget = budget
  }

  /** What to count the requests of a connection in. */
  of (endpoint: string): EndpointFigure {
    let figure = this.#figures.get(endpoint)
    if (figure === undefined) this.#figures.set(endpoint, figure = new EndpointFigure())
    return figure
  }

  changed ({ endpoint, address, from, to }: EndpointChange, now: number): void {
    if (to === 'gone') {
      const figure = this.#figures.get(endpoint)
      if (figure === undefined) return
      if (figure.shown) figure.goneAt = now
      else {
        this.#toOthers(figure)
        this.#figures.delete(endpoint)
      }
      return
    }
    const figure = this.of(endpoint)
    figure.address = address
    figure.goneAt = undefined
    if (from === undefined) figure.failuresSeen = 0
  }

  /** Takes what a snapshot has counted, and gives series to endpoints that have none. */
  read (endpoints: readonly EndpointSnapshot[], now: number): EndpointReadings {
    this.#forgetGone(now)
    const snapshots = new Map<string, EndpointSnapshot>()
    for (const snapshot of endpoints) {
      if (snapshot.state === 'gone') continue
      snapshots.set(snapshot.id, snapshot)
      const figure = this.of(snapshot.id)
      figure.address = snapshot.address
      // Fewer than before: the address was listed again, as a new endpoint.
      figure.failures += snapshot.failures < figure.failuresSeen ? snapshot.failures : snapshot.failures - figure.failuresSeen
      figure.failuresSeen = snapshot.failures
      figure.goneAt = undefined
      if (!figure.shown) this.#show(figure)
    }
    const shown = []
    const others = []
    for (const [id, figure] of this.#figures) {
      const snapshot = snapshots.get(id)
      if (snapshot === undefined) figure.goneAt ??= now
      if (figure.shown) shown.push({ id, figure, snapshot })
      else {
        this.#toOthers(figure)
        if (snapshot === undefined) this.#figures.delete(id)
        else others.push(snapshot)
      }
    }
    const { requests, failures } = this.#others
    return { shown, others: others.length + requests + failures === 0 ? undefined : { figure: this.#others, snapshots: others } }
  }

  /** Gives its series back. */
  close (): void {
    this.#budget.taken -= this.#shown
    this.#shown = 0
  }

  #show (figure: EndpointFigure): void {
    if (this.#shown >= MOST_OF_TARGET || this.#budget.taken >= MOST_OF_APP) return
    figure.shown = true
    this.#shown++
    this.#budget.taken++
  }

  #toOthers (figure: EndpointFigure): void {
    this.#others.requests += figure.requests
    this.#others.failures += figure.failures
    figure.requests = figure.failures = 0
  }

  #forgetGone (now: number): void {
    for (const [id, { goneAt }] of this.#figures) {
      if (goneAt === undefined || now - goneAt < RETAINED) continue
      this.#figures.delete(id)
      this.#shown--
      this.#budget.taken--
    }
  }
}
