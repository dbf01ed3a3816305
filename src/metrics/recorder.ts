import { CLOSE_REASONS } from '../connection/close-reason.js'
import type { CloseReason } from '../connection/close-reason.js'
import type { ConnectionObserver, ConnectionView, ResponseView, RetryReason } from '../connection/observer.js'
import type { ErrorCode } from '../errors.js'
import type { TargetRegistry } from '../target/registry.js'
import { RequestDurations } from './request-durations.js'
import { DYNAMIC } from './table.js'
import { TargetFigures } from './target-figures.js'

const NO_REQUEST = -1

/** What is kept of a connection while it is open. */
interface Tracked {
  readonly figures: TargetFigures
  readonly connectMs: number
  /** When it was given the request that is on it; NO_REQUEST where there is none. */
  since: number
  /** Of the response on it; 0 until it has ended. */
  status: number
  /** How long that took. */
  ms: number
}

/**
 * Counts what happens to connections and requests. An observer like any other; a request costs it two looks at the clock and a few
 * additions, and labels are made when somebody reads.
 */
export class Recorder implements ConnectionObserver {
  /** By the URL pattern of the route; undefined where none matched. */
  readonly routes = new Map<string | undefined, RequestDurations>()
  readonly #targets: TargetRegistry
  readonly #clock: () => number
  readonly #figures = new Map<string, TargetFigures>()
  readonly #connections = new Map<number, Tracked>()

  constructor (targets: TargetRegistry, clock: () => number = () => performance.now()) {
    this.#targets = targets
    this.#clock = clock
  }

  /** A request of a client's has been answered. */
  served (route: string | undefined, method: string, status: number, ms: number): void {
    let durations = this.routes.get(route)
    if (durations === undefined) this.routes.set(route, durations = new RequestDurations(false))
    durations.observe(ms, method, status)
  }

  opened (connection: ConnectionView, connectMs: number): void {
    const figures = this.figuresOf(connection.target)
    figures.opened++
    figures.connectDurations.observe(connectMs)
    this.#connections.set(connection.id, { figures, connectMs, since: NO_REQUEST, status: 0, ms: 0 })
  }

  dialFailed (target: string, code: string): void {
    this.figuresOf(target).dialFailures.add(code)
  }

  acquired (connection: ConnectionView, _idleMs: number, waitMs: number): void {
    const tracked = this.#connections.get(connection.id)
    if (tracked === undefined) return
    const { figures } = tracked
    figures.activeRequests++
    figures.queueWaits.observe(waitMs)
    if (connection.served > 0) {
      figures.handshakesSaved++
      figures.connectMsSaved += tracked.connectMs
    }
    tracked.status = 0
    tracked.since = this.#clock()
  }

  // Whether the response was whole is told by what comes of its connection, which is told next.
  responded (connection: ConnectionView, { status, upgraded }: ResponseView): void {
    const tracked = this.#connections.get(connection.id)
    if (tracked === undefined) return
    tracked.ms = this.#clock() - tracked.since
    tracked.status = status
    if (upgraded) this.#done(connection, tracked, undefined)
  }

  released (connection: ConnectionView): void {
    const tracked = this.#connections.get(connection.id)
    if (tracked !== undefined) this.#done(connection, tracked, undefined)
  }

  closed (connection: ConnectionView, reason: CloseReason): void {
    const { id } = connection
    const tracked = this.#connections.get(id)
    if (tracked === undefined) return
    this.#connections.delete(id)
    if (tracked.since !== NO_REQUEST) {
      if (tracked.status === 0) tracked.ms = this.#clock() - tracked.since
      this.#done(connection, tracked, tracked.status === 0 || CLOSE_REASONS[reason].cutsResponse ? reason : undefined)
    }
    const { figures } = tracked
    figures.closes.add(reason)
    figures.connectionDurations.observe(connection.age)
  }

  rejected (target: string, code: ErrorCode): void {
    this.figuresOf(target).rejected.add(code)
  }

  retried (target: string, kind: RetryReason): void {
    this.figuresOf(target).retries.add(kind)
  }

  /** What a target is counted under: its name, or what dynamic ones are called together. One that has gone was dynamic. */
  labelOf (target: string): string {
    return this.#targets.isDynamic(target) || this.#targets.get(target) === undefined ? DYNAMIC : target
  }

  figuresOf (target: string): TargetFigures {
    const known = this.#figures.get(target)
    if (known !== undefined) return known
    const label = this.labelOf(target)
    let figures = this.#figures.get(label)
    if (figures === undefined) this.#figures.set(label, figures = new TargetFigures())
    return figures
  }

  /** Whether anything was counted of targets that are, or were, dynamic. */
  get hasDynamic (): boolean { return this.#figures.has(DYNAMIC) }

  /** Forgets targets that have gone. */
  prune (): void {
    for (const name of this.#figures.keys()) {
      if (name !== DYNAMIC && this.#targets.get(name) === undefined) this.#figures.delete(name)
    }
  }

  #done ({ method }: ConnectionView, tracked: Tracked, failure: string | undefined): void {
    tracked.since = NO_REQUEST
    tracked.figures.activeRequests--
    tracked.figures.requestDurations.observe(tracked.ms, method, tracked.status, failure)
  }
}
