import { CLOSE_REASONS, isIdleClose } from '../src/connection/close-reason.js'
import type { CloseReason } from '../src/connection/close-reason.js'
import type { ConnectionObserver, ConnectionView, Persistence, ResponseView } from '../src/connection/observer.js'
import { keepsAlive } from '../src/options/target-options.js'
import { PERSISTENT, isSuspect, kindOf, nextPersistence } from '../src/target/persistence.js'
import type { PersistenceEvent, PersistenceState, RequestKind } from '../src/target/persistence.js'
import type { Target } from '../src/target/target.js'
import fp from 'fastify-plugin'
import { getGateway } from '../src/gateway/state.js'
import type { Gateway } from '../src/gateway/state.js'

// How long a connection must stay open after its first response to count as kept: a close that was on its way when the
// response came has arrived by then.
const SHORTEST_WATCH = 100
const CONNECT_TIMES = 4
const UNANNOUNCED = 'closed unannounced after a first response'

// The request under which a connection was lost may have had one: nothing tells of a request that was not answered.
const MAY_HAVE_BODY = new Set(['POST', 'PUT', 'PATCH'])

/** A connection that has carried one response, until it counts as kept or as closed. */
interface Watch { readonly timer: NodeJS.Timeout, readonly kind: RequestKind }
/** A close that counts only if all of these connections are closed too before any is kept. */
interface Doubt { readonly connection: ConnectionView, readonly kind: RequestKind, readonly until: Set<number> }

/**
 * Learns from the responses and closes of each target's connections whether its backend keeps them open, and tells the
 * target: after enough connections in a row that were closed after their first response, the pool is torn down and every
 * request gets a connection of its own; now and then a trial finds out whether that is still so. What it concludes, and from
 * what, is `src/target/persistence.ts`.
 *
 * It sees what any observer sees, and acts through `setPersistence` and `keepApart` alone. Returns what stops it.
 */
export function inspectConnections (gateway: Gateway): () => void {
  const inspector = new Inspector(gateway)
  const unobserve = gateway.observe(inspector)
  return () => {
    unobserve()
    inspector.stop()
  }
}

const inspected = new WeakSet<object>()

/** Inspects the connections of an app's targets; a second registration in an app does nothing. */
export const connectionInspector = fp(async app => {
  if (inspected.has(app.server)) return
  inspected.add(app.server)
  const stop = inspectConnections(getGateway(app))
  app.addHook('onClose', async () => stop())
}, { name: 'holdfast-connection-inspector', fastify: '5.x' })

class Inspector implements ConnectionObserver {
  readonly #gateway: Gateway
  readonly #subjects = new Map<string, Subject>()

  constructor (gateway: Gateway) {
    this.#gateway = gateway
  }

  opened (connection: ConnectionView, connectMs: number): void {
    this.#subject(connection.target)?.opened(connection, connectMs)
  }

  responded (connection: ConnectionView, response: ResponseView): void {
    this.#subjects.get(connection.target)?.responded(connection, response)
  }

  closed (connection: ConnectionView, reason: CloseReason): void {
    const subject = this.#subjects.get(connection.target)
    if (subject === undefined) return
    subject.closed(connection, reason)
    if (subject.target.closed) this.#forget(connection.target, subject)
  }

  persistenceChanged (target: string, _from: Persistence, to: Persistence, cause: string): void {
    this.#subject(target)?.apply({ type: 'set', persistence: to, cause })
  }

  stop (): void {
    for (const subject of this.#subjects.values()) subject.stop()
    this.#subjects.clear()
  }

  #forget (name: string, subject: Subject): void {
    subject.stop()
    this.#subjects.delete(name)
  }

  #subject (name: string): Subject | undefined {
    const known = this.#subjects.get(name)
    if (known !== undefined && !known.target.closed) return known
    const target = this.#gateway.targets.get(name)
    if (target === undefined || target.options.inspector === false) return undefined
    // One that never had a connection is told of by no close: targets that a request chose come and go.
    for (const [other, subject] of this.#subjects) if (subject.target.closed) this.#forget(other, subject)
    const subject = new Subject(target)
    this.#subjects.set(name, subject)
    return subject
  }
}

/** One target under inspection. */
class Subject {
  readonly target: Target
  #state: PersistenceState = PERSISTENT
  #trialTimer: NodeJS.Timeout | undefined
  #stopped = false
  readonly #connectMs = new Map<number, number>()
  readonly #watched = new Map<number, Watch>()
  /** While closes are suspected: of what kind a connection's last request was. */
  readonly #last = new Map<number, RequestKind>()
  /** Whether there are closes that a connection that is kept would speak against. */
  #suspect = false
  #doubts: Doubt[] = []

  constructor (target: Target) {
    this.target = target
    this.apply({ type: 'set', persistence: target.persistence, cause: 'found so' })
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
      // Which kind a connection is kept after matters only while one is suspected; most often none is.
      else if (this.#suspect) this.#last.set(connection.id, kindOf(connection.method, withBody))
      return
    }
    // nginx closes after a 413 or a 500, and others after what they could not read whole: that says nothing of its habits,
    // and no client may flip a healthy backend.
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

  apply (event: PersistenceEvent): void {
    const settings = this.target.options.inspector
    if (settings === false || this.#stopped) return
    const before = this.#state
    this.#state = nextPersistence(before, event, performance.now(), settings, Math.random())
    if (this.#state === before) return
    if (this.#state.trialAt !== before.trialAt) this.#scheduleTrial()
    this.#suspect = isSuspect(this.#state)
    // What was not followed meanwhile is not known.
    if (!this.#suspect) this.#last.clear()
    if (this.#state.apart !== before.apart) this.target.keepApart(this.#state.apart)
    if (this.#state.persistence !== before.persistence && event.type !== 'set') {
      this.target.setPersistence(this.#state.persistence, this.#state.cause)
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

  /** Returns the kind of its first request, where it was watched. */
  #unwatch (id: number): RequestKind | undefined {
    const watch = this.#watched.get(id)
    if (watch === undefined) return undefined
    clearTimeout(watch.timer)
    this.#watched.delete(id)
    return watch.kind
  }

  // Its second request was on it: the backend may never have meant to keep it, or may have failed. What becomes of those that
  // are in the same place now tells: one that is kept, and it was an accident.
  #doubt (connection: ConnectionView, first: RequestKind): void {
    // A client may have made it by a body: of no more than requests of its kind.
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

  /** Connections that have served several. One under a trial is not asked for. */
  get #standing (): number {
    return this.target.connections().filter(({ state, served }) => state !== 'sentinel' && served > 1).length
  }

  #scheduleTrial (): void {
    clearTimeout(this.#trialTimer)
    const { trialAt } = this.#state
    // Where keep-alive is switched off there is nothing to find out; whoever switches it on has the target persistent.
    if (trialAt === undefined || !keepsAlive(this.target.options)) return
    this.#trialTimer = setTimeout(() => {
      if (keepsAlive(this.target.options)) this.apply({ type: 'trial_due' })
    }, Math.max(0, trialAt - performance.now())).unref()
  }
}
