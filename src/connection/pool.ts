import type { Duplex } from 'node:stream'
import { HoldfastError, ignoreError } from '../errors.js'
import { ActiveSet } from './active-set.js'
import { Bindings } from './bindings.js'
import type { ClientConnection } from './bindings.js'
import type { CloseReason } from './close-reason.js'
import { Closing } from './closing.js'
import { snapshotsOf } from './connection.js'
import type { Connection, ConnectionOwner, ConnectionSnapshot } from './connection.js'
import { createDialer } from './dial.js'
import type { Dialer } from './dial.js'
import { Dials } from './dials.js'
import { Draining } from './draining.js'
import type { ExchangeOwner } from './exchange.js'
import { Grants } from './grants.js'
import { IdleStack } from './idle-stack.js'
import type { Fit, IdleStackHost } from './idle-stack.js'
import type { ResponseView } from './observer.js'
import type { PoolHost } from './pool-host.js'
import { Returns } from './returns.js'
import { Room } from './room.js'
import type { Sentinel } from './sentinel.js'
import { Supply } from './supply.js'
import { Upgraded } from './upgraded.js'
import { Waiters } from './waiters.js'
import { newTicket } from './waiting-queue.js'
import type { Ticket, Waiter } from './waiting-queue.js'

/**
 * A target's connections. A connection is owned by the pool while it is idle, and by its exchange while it is active: it passes to the
 * exchange in `Grants`, and back in `Returns`. `Supply` makes new ones, within the limits of `Room`, and `Closing` ends them.
 */
export class Pool implements ConnectionOwner, ExchangeOwner, IdleStackHost {
  readonly #host: PoolHost
  readonly #clock: () => number
  readonly #idle: IdleStack
  readonly #active: ActiveSet
  readonly #bindings: Bindings
  readonly #dials: Dials
  readonly #waiters: Waiters
  readonly #upgraded = new Upgraded()
  readonly #room: Room
  readonly #grants: Grants
  readonly #supply: Supply
  readonly #returns: Returns
  readonly #closing: Closing
  readonly #draining: Draining
  #destroyed = false

  constructor (host: PoolHost, clock: () => number) {
    this.#host = host
    this.#clock = clock
    const idle = this.#idle = new IdleStack(this, clock)
    const bindings = this.#bindings = new Bindings(connection => this.#lost(connection, 'client_gone'))
    const draining = this.#draining = new Draining(() => this.#room.taken + this.#upgraded.size + this.#waiters.dialling === 0, () => this.#stop())
    const closing = this.#closing = new Closing(host, clock, { idle, bindings, draining })
    const active = this.#active = new ActiveSet(clock, () => closing.sentinel.dismiss('evicted'))
    const waiters = this.#waiters = new Waiters(clock, () => host.options.pool.pendingTimeout)
    const dials = this.#dials = new Dials(createDialer(host.origin, host.options.undiciOptions), clock, (...done) => this.#supply.dialled(...done))
    const room = this.#room = new Room(host, clock, { idle, active, dials, closing })
    const grants = this.#grants = new Grants(clock, { observers: host.observers, active, waiters })
    const supply = this.#supply = new Supply(host, clock, { owner: this, idle, dials, waiters, room, grants, closing, draining })
    this.#returns = new Returns(host, clock, { idle, active, waiters, room, grants, supply, closing, draining })
  }

  get activeCount (): number { return this.#active.size }
  get idleCount (): number { return this.#idle.size }
  get connectingCount (): number { return this.#dials.size }
  get pendingCount (): number { return this.#waiters.queued + this.#waiters.dialling - this.#dials.owned }
  get upgradedCount (): number { return this.#upgraded.size }
  /** Whether all has been ended: what observers do in the midst of an exchange's beginning or end is seen behind it. */
  get destroyed (): boolean { return this.#destroyed }
  get sentinel (): Sentinel { return this.#closing.sentinel }
  get somethingSettled (): boolean { return this.#closing.somethingSettled }

  /**
   * The most recently used idle connection that fits, now the caller's; undefined where there is none. One that is bound to the client's
   * connection comes before those that serve any.
   */
  acquire (fit: Fit, client: ClientConnection | undefined): Connection | undefined {
    const now = this.#clock()
    const bound = this.#bindings.has(client) ? this.#idle.take(fit, now, client) : undefined
    const connection = bound ?? this.#idle.take(fit, now, undefined)
    if (connection !== undefined) this.#grants.take(connection, now, now - connection.idleSince, 0)
    return connection
  }

  /**
   * Waits for a connection: for a dial of its own, or for one that is returned, whichever comes first; at the bound, for a
   * place. Returns the ticket to leave with, or undefined where the waiter was refused at once.
   */
  wait (fit: Fit, waiter: Waiter): Ticket | undefined {
    if (this.#draining.begun) {
      waiter.refused(new HoldfastError('HOLDFAST_ERR_DRAINING'))
      return undefined
    }
    const ticket = newTicket(waiter, fit.maxIdle < 0, this.#clock())
    // One that queued before has the better claim on a place.
    if (this.#waiters.queued === 0) {
      this.#waiters.dial(ticket)
      if (this.#supply.dialFor(ticket)) return ticket.queue && ticket
    }
    if (this.#waiters.queued >= this.#host.options.pool.maxPending) {
      this.#waiters.refuse(ticket, new HoldfastError('HOLDFAST_ERR_QUEUE_FULL'))
      return undefined
    }
    this.#waiters.queue(ticket)
    return ticket
  }

  /** How long a waiter has waited, in ms. */
  waited (ticket: Ticket): number {
    return this.#clock() - ticket.since
  }

  /** Leaves the queue; the waiter is not called any more. */
  leave (ticket: Ticket): void {
    if (ticket.queue === undefined) return
    this.#waiters.remove(ticket)
    if (ticket.dial !== undefined) ticket.dial.owner = undefined
    // No request is left that could take what is being dialled, for this one or for others before.
    if (this.#waiters.queued === 0 && this.#waiters.dialling === 0) this.#dials.abandon()
    this.#draining.check()
  }

  /** A client has authenticated this connection: it serves the client's connection alone from now on, and ends with it. */
  bind (connection: Connection, client: ClientConnection | undefined): void {
    if (connection.state === 'active') this.#bindings.bind(connection, client)
  }

  /** Connections are made otherwise from now on; the present ones end as soon as they are idle. */
  dialBy (dialer: Dialer): void {
    this.#supply.dialBy(dialer)
  }

  /** The target's options have changed. */
  optionsChanged (madeOtherwise: boolean): void {
    if (madeOtherwise) this.evict('updated')
    // An observer of that may have changed them again.
    const { options } = this.#host
    for (const connection of [...this.#active.all(), ...this.#idle.all()]) connection.limit(options.pool)
    this.#room.shrink()
    this.#idle.sweepSoon()
    this.#supply.fill()
    this.#waiters.patienceChanged()
  }

  /** The idle limit has fallen. What is past it now is closed a little later, since those that are ending may tell more by that. */
  limitFell (): void {
    this.#idle.sweepSoon()
  }

  /** Closes idle connections, all of them or those that have been idle at least since a time. Active ones are not touched. */
  evict (reason: CloseReason, idleSince = Infinity): number {
    const evicted = this.#idle.closeSince(idleSince, reason)
    if (idleSince === Infinity) this.sentinel.dismiss(reason)
    this.#supply.fill()
    return evicted
  }

  /** Takes no new work, closes what is idle, and resolves when the rest is finished. */
  drain (): Promise<void> {
    this.#draining.begin()
    for (let ticket = this.#waiters.firstQueued; ticket !== undefined; ticket = this.#waiters.firstQueued) {
      this.#waiters.refuse(ticket, new HoldfastError('HOLDFAST_ERR_DRAINING'))
    }
    this.evict('drained')
    return this.#draining.finished()
  }

  /** Ends everything at once. What is in flight fails. */
  destroy (): void {
    this.#destroyed = true
    this.drain().catch(ignoreError)
    for (let ticket = this.#waiters.firstDialling; ticket !== undefined; ticket = this.#waiters.firstDialling) {
      this.leave(ticket)
      ticket.waiter.refused(new HoldfastError('HOLDFAST_ERR_DRAINING'))
    }
    this.#dials.abandon()
    this.#active.destroy()
    this.#upgraded.destroy()
    this.#draining.check()
  }

  /** All connections, upgraded ones excepted. */
  connections (): ConnectionSnapshot[] {
    return snapshotsOf([...this.#active.all(), ...this.#idle.all()], this.sentinel.connection, this.#clock())
  }

  // What exchanges and connections tell.

  exchangeEnded (connection: Connection, reason: CloseReason | undefined, response: ResponseView | undefined): void {
    this.#returns.settle(connection, reason, response)
  }

  exchangeUpgraded (connection: Connection, response: ResponseView, socket: Duplex): void {
    this.#host.observers.responded(connection.view, response)
    this.#active.delete(connection)
    this.#bindings.release(connection)
    this.#upgraded.add(socket, () => {
      this.#closing.closed(connection, 'upgraded', undefined)
      this.#draining.check()
    })
    if (this.#destroyed) socket.destroy()
    this.#supply.fill()
  }

  connectionLost (connection: Connection, reason: CloseReason): void {
    if (connection.state === 'idle' && !this.#lost(connection, reason)) this.sentinel.lost(connection, reason)
  }

  // What the idle stack asks and tells.

  get idleLimit (): number { return this.#host.belief.idleLimit }
  get minIdle (): number { return this.#host.options.pool.minIdle }
  quietBefore (connection: Connection): number { return this.#host.belief.quietBefore(connection) }

  /** Closes a connection that the idle stack has let go of. */
  close (connection: Connection, reason: CloseReason, idleMs: number): void {
    if (reason === 'idle_limit') this.#closing.retire(connection, reason, idleMs)
    else this.#closing.close(connection, reason, idleMs)
    // A request may wait for this one's rest. Not at once: the one that has met it here may be about to take another.
    if (this.#waiters.queued > 0) queueMicrotask(() => this.#supply.fill())
  }

  /** Closes an idle connection; false where it is not among them. An active one is closed when its exchange gives it back. */
  #lost (connection: Connection, reason: CloseReason): boolean {
    if (!this.#idle.remove(connection)) return false
    this.#closing.close(connection, reason, this.#clock() - connection.idleSince)
    this.#supply.fill()
    return true
  }

  #stop (): void {
    this.#idle.stop()
    this.#returns.stop()
    this.#waiters.stop()
    this.#active.stop()
  }
}
