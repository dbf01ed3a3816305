import type { CloseReason, ConnectionObserver, ConnectionView, Persistence, ResponseView } from '../src/connection/observer.js'
import { keepsAlive } from '../src/options.js'
import { PERSISTENT, nextPersistence } from '../src/target/persistence.js'
import type { PersistenceEvent, PersistenceState } from '../src/target/persistence.js'
import type { Target } from '../src/target/target.js'
import fp from 'fastify-plugin'
import { getGateway } from './targets.js'
import type { Gateway } from './targets.js'

// How long a connection must stay open after its first response to count as kept: a close that was on its way when the
// response came has arrived by then.
const SHORTEST_WATCH = 100
const CONNECT_TIMES = 4
const UNANNOUNCED = 'closed unannounced after a first response'

/** A close that counts only if all of these connections are closed too before any is kept. */
interface Doubt { readonly connection: ConnectionView, readonly until: Set<number> }

/**
 * Learns from the responses and closes of each target's connections whether its backend keeps them open, and tells the
 * target: after enough connections in a row that were closed after their first response, the pool is torn down and every
 * request gets a connection of its own; now and then a trial finds out whether that is still so.
 *
 * It sees what any observer sees, and acts through `setPersistence` alone. Returns what stops it.
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
    this.#subjects.get(connection.target)?.closed(connection, reason)
  }

  persistenceChanged (target: string, _from: Persistence, to: Persistence, cause: string): void {
    this.#subject(target)?.apply({ type: 'set', persistence: to, cause })
  }

  stop (): void {
    for (const subject of this.#subjects.values()) subject.stop()
    this.#subjects.clear()
  }

  #subject (name: string): Subject | undefined {
    const known = this.#subjects.get(name)
    if (known !== undefined && !known.target.closed) return known
    const target = this.#gateway.targets.get(name)
    if (target === undefined || target.options.inspector === false) return undefined
    known?.stop()
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
  readonly #connectMs = new Map<number, number>()
  /** Connections that have carried one response, until they count as kept or as closed. */
  readonly #watched = new Map<number, NodeJS.Timeout>()
  #doubts: Doubt[] = []

  constructor (target: Target) {
    this.target = target
    this.apply({ type: 'set', persistence: target.persistence, cause: 'found so' })
  }

  opened (connection: ConnectionView, connectMs: number): void {
    this.#connectMs.set(connection.id, connectMs)
  }

  responded (connection: ConnectionView, { signal, status, asked, requestSent, clientGone, upgraded }: ResponseView): void {
    if (asked === 'close') return
    if (connection.served > 1) {
      if (this.#watched.size > 0) this.#unwatch(connection.id)
      this.#kept(connection)
      return
    }
    if (signal.persistent) {
      if (!clientGone && !upgraded) this.#watch(connection)
      return
    }
    // nginx closes after a 413 or a 500, and others after what they could not read whole: that says nothing of its habits,
    // and no client may flip a healthy backend.
    if (status >= 400 || !requestSent || clientGone || upgraded) return
    this.#closedAfterFirst(connection, signal.cause)
  }

  closed (connection: ConnectionView, reason: CloseReason): void {
    this.#connectMs.delete(connection.id)
    const watched = this.#unwatch(connection.id)
    if (watched && reason === 'backend_idle') this.#closedAfterFirst(connection, UNANNOUNCED)
    else if (watched && reason === 'backend_active') this.#doubt(connection)
    this.#settleDoubts(connection.id)
  }

  apply (event: PersistenceEvent): void {
    const settings = this.target.options.inspector
    if (settings === false) return
    const before = this.#state
    this.#state = nextPersistence(before, event, performance.now(), settings, Math.random())
    if (this.#state.trialAt !== before.trialAt) this.#scheduleTrial()
    if (this.#state.persistence !== before.persistence && event.type !== 'set') {
      this.target.setPersistence(this.#state.persistence, this.#state.cause)
    }
  }

  stop (): void {
    clearTimeout(this.#trialTimer)
    for (const timer of this.#watched.values()) clearTimeout(timer)
    this.#watched.clear()
  }

  #watch (connection: ConnectionView): void {
    const ms = Math.max(SHORTEST_WATCH, CONNECT_TIMES * (this.#connectMs.get(connection.id) ?? 0))
    const timer = setTimeout(() => {
      this.#watched.delete(connection.id)
      this.#kept(connection)
    }, ms).unref()
    this.#watched.set(connection.id, timer)
  }

  #unwatch (id: number): boolean {
    clearTimeout(this.#watched.get(id))
    return this.#watched.delete(id)
  }

  // Its second request was on it: the backend may never have meant to keep it, or may have failed. What becomes of those that
  // are in the same place now tells: one that is kept, and it was an accident.
  #doubt (connection: ConnectionView): void {
    this.#doubts.push({ connection, until: new Set(this.#watched.keys()) })
  }

  #settleDoubts (closed: number): void {
    if (this.#doubts.length === 0) return
    const settled: Doubt[] = []
    for (const doubt of this.#doubts) {
      doubt.until.delete(closed)
      if (doubt.until.size === 0) settled.push(doubt)
    }
    this.#doubts = this.#doubts.filter(doubt => doubt.until.size > 0)
    for (const { connection } of settled) this.#closedAfterFirst(connection, UNANNOUNCED)
  }

  #kept (connection: ConnectionView): void {
    this.#doubts = []
    if (connection.trial) this.apply({ type: 'trial_passed' })
    else if (this.#state.closes > 0) this.apply({ type: 'kept' })
  }

  #closedAfterFirst (connection: ConnectionView, cause: string): void {
    this.apply(connection.trial ? { type: 'trial_failed', cause } : { type: 'closed_after_first', cause })
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
