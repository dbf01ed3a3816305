import { CLOSE_REASONS } from '../connection/close-reason.js'
import type { CloseReason } from '../connection/close-reason.js'
import type { ConnectionObserver, ConnectionView, EndpointChange, ResponseView, RetryReason } from '../connection/observer.js'
import type { ErrorCode } from '../errors.js'
import type { TargetRegistry } from '../target/registry.js'
import { EndpointFigures, SeriesBudget } from './endpoint-figures.js'
import type { EndpointFigure } from './endpoint-figures.js'
import { RequestDurations } from './request-durations.js'
import { DYNAMIC, OTHER } from './table.js'
import { TargetFigures } from './target-figures.js'

const NO_REQUEST = -1

/** What is kept of a connection while it is open. */
interface Tracked {
  readonly figures: TargetFigures
  /** undefined where it is not counted by endpoint. */
  readonly endpoint: EndpointFigure | undefined
  readonly connectMs: number
  /** When its current request acquired it; NO_REQUEST where it has none. */
  since: number
  /** The status of its current response; 0 until that has ended. */
  status: number
  /** How long that response took, from the acquiring of the connection. */
  ms: number
}

/**
 * Counts what happens to connections and requests, as an observer. A request costs two readings of the clock and a few additions. Labels
 * are made when the metrics are read.
 */
export class Recorder implements ConnectionObserver {
  /** By the URL pattern of the route; undefined for requests that no route matched. */
  readonly routes = new Map<string | undefined, RequestDurations>()
  readonly #targets: TargetRegistry
  readonly #clock: () => number
  readonly #figures = new Map<string, TargetFigures>()
  readonly #connections = new Map<number, Tracked>()
  readonly #budget = new SeriesBudget()

  constructor (targets: TargetRegistry, clock: () => number = () => performance.now()) {
    this.#targets = targets
    this.#clock = clock
  }

  /** Counts a client's request that was answered. */
  served (route: string | undefined, method: string, status: number, ms: number): void {
    let durations = this.routes.get(route)
    if (durations === undefined) this.routes.set(route, durations = new RequestDurations(false))
    durations.observe(ms, method, status)
  }

  opened (connection: ConnectionView, connectMs: number): void {
    const figures = this.figuresOf(connection.target)
    figures.opened++
    figures.connectDurations.observe(connectMs)
    const endpoint = connection.endpoint === undefined ? undefined : figures.endpoints?.of(connection.endpoint)
    this.#connections.set(connection.id, { figures, endpoint, connectMs, since: NO_REQUEST, status: 0, ms: 0 })
  }

  dialFailed (target: string, code: string): void {
    this.figuresOf(target).dialFailures.add(code)
  }

  acquired (connection: ConnectionView, _idleMs: number, waitMs: number): void {
    const tracked = this.#connections.get(connection.id)
    if (tracked === undefined) return
    const { figures, endpoint } = tracked
    figures.activeRequests++
    if (endpoint !== undefined) endpoint.requests++
    figures.queueWaits.observe(waitMs)
    if (connection.served > 0) {
      figures.handshakesSaved++
      figures.connectMsSaved += tracked.connectMs
    }
    tracked.status = 0
    tracked.since = this.#clock()
  }

  // Whether the response was whole shows in the next event of the connection: released, or closed with a reason.
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

  endpointChanged (target: string, change: EndpointChange): void {
    // A target tells of its first endpoints before it is registered: then there is nothing to count, and its label is not known.
    if (this.#targets.get(target) === undefined) return
    const figures = this.figuresOf(target)
    figures.endpoints?.changed(change, this.#clock())
    if (change.to === 'ejected') figures.ejections.add(change.ejectedBy ?? OTHER)
  }

  /** The time that the counts use, in ms. */
  now (): number {
    return this.#clock()
  }

  /** The label of a target: its name, or DYNAMIC for dynamic ones. A target that is gone was a dynamic one. */
  labelOf (target: string): string {
    return this.#targets.isDynamic(target) || this.#targets.get(target) === undefined ? DYNAMIC : target
  }

  figuresOf (target: string): TargetFigures {
    const known = this.#figures.get(target)
    if (known !== undefined) return known
    const label = this.labelOf(target)
    let figures = this.#figures.get(label)
    if (figures === undefined) {
      figures = new TargetFigures(label === DYNAMIC ? undefined : new EndpointFigures(this.#budget))
      this.#figures.set(label, figures)
    }
    return figures
  }

  /** Whether anything was counted for dynamic targets, past ones included. */
  get hasDynamic (): boolean { return this.#figures.has(DYNAMIC) }

  /** Forgets targets that are gone. */
  prune (): void {
    for (const [name, { endpoints }] of this.#figures) {
      if (name === DYNAMIC || this.#targets.get(name) !== undefined) continue
      endpoints?.close()
      this.#figures.delete(name)
    }
  }

  #done ({ method }: ConnectionView, tracked: Tracked, failure: string | undefined): void {
    tracked.since = NO_REQUEST
    tracked.figures.activeRequests--
    tracked.figures.requestDurations.observe(tracked.ms, method, tracked.status, failure)
  }
}
