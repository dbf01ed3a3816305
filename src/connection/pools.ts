import type { Duplex } from 'node:stream'
import { HoldfastError, ignoreError } from '../errors.js'
import { ActiveSet } from './active-set.js'
import { Bindings } from './bindings.js'
import type { ClientConnection } from './bindings.js'
import type { CloseReason } from './close-reason.js'
import { Closing } from './closing.js'
import { snapshotsOf } from './connection.js'
import type { Connection, ConnectionOwner, ConnectionPool, ConnectionSnapshot } from './connection.js'
import type { Dialer } from './dial.js'
import { Dials } from './dials.js'
import { Draining } from './draining.js'
import type { ExchangeOwner } from './exchange.js'
import { Grants } from './grants.js'
import { IdleStack } from './idle-stack.js'
import type { Fit, IdleStackContext } from './idle-stack.js'
import type { ResponseView } from './observer.js'
import type { PoolContext } from './pool-context.js'
import type { PoolHost } from './pool-host.js'
import { Pool } from './pool.js'
import { Returns } from './returns.js'
import { Room } from './room.js'
import type { Seeker } from './seeker.js'
import type { Sentinel } from './sentinel.js'
import { Supply } from './supply.js'
import { Waiters } from './waiters.js'
import { newTicket } from './waiting-queue.js'
import type { Ticket, Waiter } from './waiting-queue.js'
import { WholeRoom } from './whole-room.js'

// In `retryUntil`: a time that has passed.
const NEVER = -1

/** Where a request waits. */
export interface Wait {
  /** The pool to dial; undefined where none has room, or none is known yet. */
  readonly pool: Pool | undefined
  readonly fit: Fit
  readonly seeker: Seeker | undefined
  /** Whether a refused dial is not tried again. */
  readonly once?: boolean
}

/**
 * The connections of a target: a pool for each of its endpoints, and one queue. A connection is owned by its pool while it is idle, and by
 * its exchange while it is active: it passes to the exchange in `Grants`, and back in `Returns`. `Supply` makes new ones, within the limits
 * of `Room` and `WholeRoom`, and `Closing` ends them.
 */
export class Pools implements ConnectionOwner, ExchangeOwner, IdleStackContext {
  readonly #context: PoolContext
  readonly #clock: () => number
  readonly #pools: Pool[] = []
  readonly #bindings: Bindings
  readonly #waiters: Waiters
  readonly #whole: WholeRoom
  readonly #grants: Grants
  readonly #supply: Supply
  readonly #returns: Returns
  readonly #closing: Closing
  readonly #draining: Draining
  #destroyed = false

  constructor (context: PoolContext, clock: () => number) {
    this.#context = context
    this.#clock = clock
    const pools = this.#pools
    const bindings = this.#bindings = new Bindings(connection => this.#lost(connection, 'client_gone'))
    const draining = this.#draining = new Draining(() => this.#isEmpty, () => this.#stop())
    const closing = this.#closing = new Closing(context, clock, { pools, bindings, draining })
    const waiters = this.#waiters = new Waiters(clock, () => context.options.pool.pendingTimeout)
    this.#whole = new WholeRoom(context, clock, pools, closing)
    const grants = this.#grants = new Grants(clock, { observers: context.observers, waiters })
    const supply = this.#supply = new Supply(context, clock, { owner: this, pools, waiters, grants, closing, draining })
    this.#returns = new Returns(context, clock, { waiters, grants, supply, closing, draining })
  }

  get activeCount (): number { return this.#sum(({ active }) => active.size) }
  get idleCount (): number { return this.#sum(({ idle }) => idle.size) }
  get connectingCount (): number { return this.#sum(({ dials }) => dials.size) }
  get pendingCount (): number { return this.#waiters.queued + this.#waiters.dialling - this.#sum(({ dials }) => dials.owned) }
  get upgradedCount (): number { return this.#sum(({ upgraded }) => upgraded.size) }
  /** Whether `destroy()` was called. A call checks this after it has told observers, since one of them may have called it. */
  get destroyed (): boolean { return this.#destroyed }
  get sentinel (): Sentinel { return this.#closing.sentinel }
  /** Whether the whole target is at `pool.maxConnections`. */
  get full (): boolean { return this.#whole.full }
  get somethingSettled (): boolean { return this.#closing.somethingSettled }

  /** Adds the pool of a new endpoint. */
  add (host: PoolHost, dialer: Dialer): Pool {
    const idle = new IdleStack(this, this.#clock)
    const active = new ActiveSet(this.#clock, () => this.sentinel.dismiss('evicted'))
    const dials = new Dials(dialer, this.#clock, host, result => this.#supply.dialled(pool, result))
    const pool: Pool = new Pool(host, { idle, active, dials, room: new Room(this.#context, { idle, active, dials, whole: this.#whole }) })
    this.#pools.push(pool)
    return pool
  }

  /** Removes the pool of an endpoint that is gone. It closes what is idle; nothing else may be left. */
  remove (pool: Pool): void {
    this.evict('endpoint_gone', Infinity, pool)
    pool.dials.abandon()
    pool.stop()
    const place = this.#pools.indexOf(pool)
    if (place !== -1) this.#pools.splice(place, 1)
  }

  /**
   * Takes the most recently used idle connection of a pool that fits, and gives it to the caller; undefined where there is none. A
   * connection that is bound to the client's connection comes before those that serve any client.
   */
  acquire (pool: Pool, fit: Fit, client: ClientConnection | undefined): Connection | undefined {
    const now = this.#clock()
    const bound = this.#bindings.has(client) ? pool.idle.take(fit, now, client) : undefined
    return this.#take(bound ?? pool.idle.take(fit, now, undefined), now)
  }

  /** Takes an idle connection that is bound to the client's connection, of any pool. */
  acquireBound (fit: Fit, client: ClientConnection | undefined): Connection | undefined {
    if (!this.#bindings.has(client)) return undefined
    const now = this.#clock()
    for (const { idle } of this.#pools) {
      const connection = idle.take(fit, now, client)
      if (connection !== undefined) return this.#take(connection, now)
    }
    return undefined
  }

  /**
   * Waits for a connection: for a dial of its own or for a returned connection, whichever comes first; at the bound of connections, for a
   * place. Returns the ticket to leave with; undefined where the waiter was served or refused at once.
   */
  wait ({ pool, fit, seeker, once = false }: Wait, waiter: Waiter): Ticket | undefined {
    const ticket = this.#ticket(fit, seeker, waiter)
    if (ticket === undefined) return undefined
    if (once) ticket.retryUntil = NEVER
    // Earlier waiters in the queue get the next place first. Where there is a seeker, it has found a place that they cannot take.
    if (pool !== undefined && (this.#waiters.queued === 0 || seeker !== undefined)) {
      this.#waiters.dial(ticket)
      if (this.#supply.dialFor(ticket, pool)) return ticket.queue && ticket
    }
    if (this.#waiters.queued >= this.#context.options.pool.maxPending) {
      this.#waiters.refuse(ticket, new HoldfastError('HOLDFAST_ERR_QUEUE_FULL'))
      return undefined
    }
    this.#waiters.queue(ticket)
    return ticket
  }

  /**
   * Waits for the result of a dial that is under way for another request, or for none.
   *
   * @param ms how long. After that, `refusal` says why the request is refused; where it says undefined, the request dials
   */
  join ({ fit, seeker }: Wait, waiter: Waiter, ms: number, refusal: () => HoldfastError | undefined): Ticket | undefined {
    const ticket = this.#ticket(fit, seeker, waiter)
    if (ticket === undefined) return undefined
    this.#waiters.join(ticket, ms, () => {
      const error = refusal()
      if (error === undefined) this.#supply.dialAgain(ticket)
      else this.#waiters.refuse(ticket, error)
    })
    return ticket
  }

  /** Dials for no request, to find out whether the endpoint of a pool accepts connections. */
  probe (pool: Pool): void {
    this.#supply.probe(pool)
  }

  /** Call this when a waiting request may find a place: an endpoint is new, or serves again. */
  fill (): void {
    this.#supply.fill()
  }

  /** Refuses each request that waits without a dial. */
  refuseQueued (error: () => HoldfastError): void {
    for (let ticket = this.#waiters.firstQueued; ticket !== undefined; ticket = this.#waiters.firstQueued) {
      this.#waiters.refuse(ticket, error())
    }
  }

  /** How long a waiter has waited, in ms. */
  waited (ticket: Ticket): number {
    return this.#clock() - ticket.since
  }

  /** Leaves the queue. The waiter is not called any more. */
  leave (ticket: Ticket): void {
    if (ticket.queue === undefined) return
    this.#waiters.remove(ticket)
    if (ticket.dial !== undefined) ticket.dial.owner = undefined
    // No request waits any more, so the dials under way have no use.
    if (this.#waiters.queued === 0 && this.#waiters.dialling === 0) {
      for (const { dials } of [...this.#pools]) dials.abandonUnneeded(this.#draining.begun)
    }
    this.#draining.check()
  }

  /** Call this when a client has authenticated the connection. From now on it serves only this client's connection, and ends with it. */
  bind (connection: Connection, client: ClientConnection | undefined): void {
    if (connection.state === 'active') this.#bindings.bind(connection, client)
  }

  /** Call this when the options have changed how connections are made. @param dialerOf the new dialer of a pool */
  dialBy (dialerOf: (host: PoolHost) => Dialer): void {
    this.#supply.madeOtherwise()
    for (const pool of this.#pools) pool.dialBy(dialerOf(pool.host))
  }

  /** Call this when the target's options have changed. @param madeOtherwise whether connections are dialled in another way now */
  optionsChanged (madeOtherwise: boolean): void {
    if (madeOtherwise) this.evict('updated')
    // An observer of these closes may have changed the options again, so they are read here.
    const { options } = this.#context
    for (const { active, idle } of this.#pools) for (const connection of [...active.all(), ...idle.all()]) connection.limit(options.pool)
    this.#whole.shrink()
    for (const { idle } of this.#pools) idle.sweepSoon()
    this.#supply.fill()
    this.#waiters.patienceChanged()
  }

  /**
   * Call this when the idle limit has fallen. Connections past it are closed a little later: those that the backend closes meanwhile are
   * evidence.
   */
  limitFell (): void {
    for (const { idle } of this.#pools) idle.sweepSoon()
  }

  /**
   * Closes idle connections, and returns how many. Active connections stay.
   *
   * @param idleSince on the pools' clock: connections that became idle later stay too. Without it, the sentinel is closed as well
   * @param of the pool whose connections are closed; undefined: all pools
   */
  evict (reason: CloseReason, idleSince = Infinity, of?: ConnectionPool): number {
    let evicted = 0
    for (const pool of of === undefined ? [...this.#pools] : [of]) evicted += pool.idle.closeSince(idleSince, reason)
    if (idleSince === Infinity && (of === undefined || this.sentinel.connection?.pool === of)) this.sentinel.dismiss(reason)
    this.#supply.fill()
    return evicted
  }

  /** Takes no new work, closes idle connections, and resolves when active ones and tunnels have ended. */
  drain (): Promise<void> {
    this.#draining.begin()
    this.refuseQueued(() => new HoldfastError('HOLDFAST_ERR_DRAINING'))
    this.evict('drained')
    for (const { dials } of [...this.#pools]) dials.abandonUnneeded(true)
    return this.#draining.finished()
  }

  /** Ends everything at once. Requests in flight fail. */
  destroy (): void {
    this.#destroyed = true
    this.drain().catch(ignoreError)
    for (let ticket = this.#waiters.firstDialling; ticket !== undefined; ticket = this.#waiters.firstDialling) {
      this.leave(ticket)
      ticket.waiter.refused(new HoldfastError('HOLDFAST_ERR_DRAINING'))
    }
    for (const { dials, active, upgraded } of [...this.#pools]) {
      dials.abandon()
      active.destroy()
      upgraded.destroy()
    }
    this.#draining.check()
  }

  /** The states of all connections, without upgraded ones. */
  connections (): ConnectionSnapshot[] {
    const connections = this.#pools.flatMap(({ active, idle }) => [...active.all(), ...idle.all()])
    return snapshotsOf(connections, this.sentinel.connection, this.#clock())
  }

  // Called by exchanges and connections.

  exchangeEnded (connection: Connection, reason: CloseReason | undefined, response: ResponseView | undefined): void {
    this.#returns.settle(connection, reason, response)
  }

  exchangeUpgraded (connection: Connection, response: ResponseView, socket: Duplex): void {
    const { pool } = connection
    this.#context.observers.responded(connection.view, response)
    pool.active.delete(connection)
    this.#bindings.release(connection)
    pool.upgraded.add(socket, () => {
      this.#closing.closed(connection, 'upgraded', undefined)
      // A request for a tunnel may have waited for this one's end.
      this.#supply.fill()
    })
    if (this.#destroyed) socket.destroy()
    this.#supply.fill()
  }

  connectionLost (connection: Connection, reason: CloseReason): void {
    if (connection.state === 'idle' && !this.#lost(connection, reason)) this.sentinel.lost(connection, reason)
  }

  // Called by the idle stacks.

  get idleLimit (): number { return this.#context.belief.idleLimit }
  get minIdle (): number { return this.#context.options.pool.minIdle }
  quietBefore (connection: Connection): number { return this.#context.belief.quietBefore(connection) }

  /** Closes a connection that an idle stack has removed. */
  close (connection: Connection, reason: CloseReason, idleMs: number): void {
    if (reason === 'idle_limit') this.#closing.retire(connection, reason, idleMs)
    else this.#closing.close(connection, reason, idleMs)
    // A queued request may have waited for this connection's rest, so dial for it. Later, since the present `take` may still take a
    // connection.
    if (this.#waiters.queued > 0) queueMicrotask(() => this.#supply.fill())
  }

  get #isEmpty (): boolean {
    return this.#waiters.dialling === 0 && this.#pools.every(({ size }) => size === 0)
  }

  #ticket (fit: Fit, seeker: Seeker | undefined, waiter: Waiter): Ticket | undefined {
    if (!this.#draining.begun) return newTicket(waiter, seeker, fit.idleAtMost < 0, this.#clock())
    waiter.refused(new HoldfastError('HOLDFAST_ERR_DRAINING'))
    return undefined
  }

  #take (connection: Connection | undefined, now: number): Connection | undefined {
    if (connection !== undefined) this.#grants.take(connection, now, now - connection.idleSince, 0)
    return connection
  }

  /** Closes an idle connection; false where it is not idle. An active connection is closed when its exchange returns it. */
  #lost (connection: Connection, reason: CloseReason): boolean {
    if (!connection.pool.idle.remove(connection)) return false
    this.#closing.close(connection, reason, this.#clock() - connection.idleSince)
    this.#supply.fill()
    return true
  }

  #sum (count: (pool: Pool) => number): number {
    let sum = 0
    for (const pool of this.#pools) sum += count(pool)
    return sum
  }

  #stop (): void {
    for (const pool of this.#pools) pool.stop()
    this.#returns.stop()
    this.#waiters.stop()
  }
}
