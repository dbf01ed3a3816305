import { CLOSE_REASONS, isIdleClose } from '../connection/close-reason.js'
import type { CloseReason } from '../connection/close-reason.js'
import type { ConnectionView, ResponseView } from '../connection/observer.js'
import { keepsAlive } from '../options/target-options.js'
import { PERSISTENT, isSuspect, kindOf, nextPersistence } from './persistence.js'
import type { PersistenceEvent, PersistenceState, RequestKind } from './persistence.js'
import type { Target } from './target.js'

/** What an inspection uses of its target: public members only. */
export type InspectedTarget = Pick<Target, 'persistenceOf' | 'closed' | 'options' | 'connections' | 'setPersistence' | 'keepApart'>

// How long a connection must stay open after its first response to count as kept, in ms: by then, a close that the backend sent with the
// response has arrived. At least the first, or the second times the time that the connection took to open.
const SHORTEST_WATCH = 100
const CONNECT_TIMES = 4
const UNANNOUNCED = 'closed unannounced after a first response'

// Observers get no event of a request that was not answered, so whether it had a body is not known. These methods have one as a rule.
const MAY_HAVE_BODY = new Set(['POST', 'PUT', 'PATCH'])

/** A connection that has carried one response, until it counts as kept or as closed. */
interface Watch { readonly timer: NodeJS.Timeout, readonly kind: RequestKind }
/** A close that counts only if all of the connections in `until` are closed before any connection is kept. */
interface Doubt { readonly connection: ConnectionView, readonly kind: RequestKind, readonly until: Set<number> }

/** The inspection of one endpoint of a target: its evidence, the connections that are watched, and the timers. */
export class Inspection {
  readonly target: InspectedTarget
  readonly #endpoint: string
  readonly #clock: () => number
  #state: PersistenceState = PERSISTENT
  #trialTimer: NodeJS.Timeout | undefined
  #stopped = false
  readonly #connectMs = new Map<number, number>()
  readonly #watched = new Map<number, Watch>()
  /** While closes are suspected: the kind of each connection's last request. */
  readonly #last = new Map<number, RequestKind>()
  /** Whether there is evidence of closes that a kept connection would contradict. */
  #suspect = false
  #doubts: Doubt[] = []

  /** @param endpoint its id */
  constructor (target: InspectedTarget, endpoint: string, clock: () => number) {
    this.target = target
    this.#endpoint = endpoint
    this.#clock = clock
    this.apply({ type: 'set', persistence: target.persistenceOf(endpoint), cause: 'found so' })
  }

  opened (connection: ConnectionView, connectMs: number): void {
    this.#connectMs.set(connection.id, connectMs)
  }

  responded (connection: ConnectionView, { signal, status, asked, requestSent, clientGone, upgraded, withBody }: ResponseView): void {
    if (asked === 'close') return
    const first = connection.served === 1
    if (!first) {
      const watched = this.#watched.size > 0 ? this.#unwatch(connection.id) : undefined
      this.#kept(connection, watched ?? this.#last.get(connection.id))
    }
    if (signal.persistent) {
      if (clientGone || upgraded) this.#last.delete(connection.id)
      else if (first) this.#watch(connection, kindOf(connection.method, withBody))
      // The kind after which a connection is kept matters only while a kind is suspected; most often none is.
      else if (this.#suspect) this.#last.set(connection.id, kindOf(connection.method, withBody))
      return
    }
    // nginx closes after a 413 or a 500, and other servers after a request that they could not read whole. That says nothing about whether
    // they keep connections, and a client must not be able to turn a healthy backend non-persistent.
    if (status >= 400 || !requestSent || clientGone || upgraded) return
    this.#closedAfter(connection, kindOf(connection.method, withBody), first, signal.cause)
  }

  closed (connection: ConnectionView, reason: CloseReason): void {
    this.#connectMs.delete(connection.id)
    this.#last.delete(connection.id)
    const kind = this.#unwatch(connection.id)
    if (kind !== undefined && isIdleClose(reason)) this.#closedAfter(connection, kind, true, UNANNOUNCED)
    else if (kind !== undefined && CLOSE_REASONS[reason].unannounced) this.#doubt(connection, kind)
    this.#settleDoubts(connection.id)
  }

  /** Takes the next state, and carries out what changes with it. */
  apply (event: PersistenceEvent): void {
    const settings = this.target.options.inspector
    if (settings === false || this.#stopped) return
    const before = this.#state
    this.#state = nextPersistence(before, event, this.#clock(), settings, Math.random())
    if (this.#state === before) return
    if (this.#state.trialAt !== before.trialAt) this.#scheduleTrial()
    this.#suspect = isSuspect(this.#state)
    // Without a suspicion the kinds are not kept up to date.
    if (!this.#suspect) this.#last.clear()
    if (this.#state.apart !== before.apart) this.target.keepApart(this.#state.apart, this.#endpoint)
    if (this.#state.persistence !== before.persistence && event.type !== 'set') {
      this.target.setPersistence(this.#state.persistence, this.#state.cause, this.#endpoint)
    }
  }

  stop (): void {
    this.#stopped = true
    clearTimeout(this.#trialTimer)
    for (const { timer } of this.#watched.values()) clearTimeout(timer)
    this.#watched.clear()
  }

  #watch (connection: ConnectionView, kind: RequestKind): void {
    const ms = Math.max(SHORTEST_WATCH, CONNECT_TIMES * (this.#connectMs.get(connection.id) ?? 0))
    const timer = setTimeout(() => {
      this.#watched.delete(connection.id)
      this.#kept(connection, kind)
    }, ms).unref()
    this.#watched.set(connection.id, { timer, kind })
  }

  /** Returns the kind of the connection's first request; undefined where the connection was not watched. */
  #unwatch (id: number): RequestKind | undefined {
    const watch = this.#watched.get(id)
    if (watch === undefined) return undefined
    clearTimeout(watch.timer)
    this.#watched.delete(id)
    return watch.kind
  }

  // The connection ended under its second request: the backend closes after each first response, or has failed. The connections that are
  // watched now decide which: if the backend keeps one of them, the close was an accident.
  #doubt (connection: ConnectionView, first: RequestKind): void {
    // A client may have caused the close by the body of the second request, so the close counts for requests of that kind alone.
    const { method = '' } = connection
    const kind = MAY_HAVE_BODY.has(method) ? kindOf(method, true) : first
    this.#doubts.push({ connection, kind, until: new Set(this.#watched.keys()) })
  }

  #settleDoubts (closed: number): void {
    if (this.#doubts.length === 0) return
    const settled: Doubt[] = []
    for (const doubt of this.#doubts) {
      doubt.until.delete(closed)
      if (doubt.until.size === 0) settled.push(doubt)
    }
    this.#doubts = this.#doubts.filter(doubt => doubt.until.size > 0)
    for (const { connection, kind } of settled) this.#closedAfter(connection, kind, true, UNANNOUNCED)
  }

  #kept (connection: ConnectionView, kind: RequestKind | undefined): void {
    this.#doubts = []
    const { address = '' } = connection
    if (connection.trial) this.apply({ type: 'trial_passed' })
    else if (this.#suspect || this.#state.addresses.get(address)?.kept !== true) this.apply({ type: 'kept', address, kind })
  }

  #closedAfter (connection: ConnectionView, kind: RequestKind, first: boolean, cause: string): void {
    if (connection.trial) return this.apply({ type: 'trial_failed', cause })
    this.apply({ type: 'closed', address: connection.address ?? '', kind, first, standing: first ? this.#standing : 0, cause })
  }

  /** Open connections that have served several requests. Not read for a connection under a trial. */
  get #standing (): number {
    const own = this.target.connections().filter(({ endpoint }) => endpoint === this.#endpoint)
    return own.filter(({ state, served }) => state !== 'sentinel' && served > 1).length
  }

  #scheduleTrial (): void {
    clearTimeout(this.#trialTimer)
    const { trialAt } = this.#state
    // While keep-alive is switched off there is nothing to find out. Switching it on makes the target persistent.
    if (trialAt === undefined || !keepsAlive(this.target.options)) return
    this.#trialTimer = setTimeout(() => {
      if (keepsAlive(this.target.options)) this.apply({ type: 'trial_due' })
    }, Math.max(0, trialAt - this.#clock())).unref()
  }
}
