import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { HoldfastError } from '../errors.js'
import { inMicrotask } from '../microtask.js'
import { ActiveSet } from './active-set.js'
import { Bindings } from './bindings.js'
import type { ClientConnection } from './bindings.js'
import { Connection, snapshotsOf } from './connection.js'
import type { ConnectionOwner, ConnectionSnapshot } from './connection.js'
import { createDialer, dialFailureCode } from './dial.js'
import type { Dialer } from './dial.js'
import { Dials } from './dials.js'
import type { ExchangeOwner } from './exchange.js'
import { IdleStack } from './idle-stack.js'
import type { Fit, IdleStackHost } from './idle-stack.js'
import type { CloseReason, ResponseView } from './observer.js'
import type { PoolHost } from './pool-host.js'
import { QueueTimer } from './queue-timer.js'
import { redialAfter } from './redial.js'
import { Resting, restAfterBodiless } from './resting.js'
import { Sentinel } from './sentinel.js'
import { Upgraded } from './upgraded.js'
import { WaitingQueue, earlier, newTicket } from './waiting-queue.js'
import type { Ticket, Waiter } from './waiting-queue.js'

/**
 * A target's connections. A connection is owned by the pool while it is idle, and by its exchange while it is active; it
 * passes from the one to the other in `acquire` or `#hand`, and back in `exchangeEnded`.
 */
export class Pool implements ConnectionOwner, ExchangeOwner, IdleStackHost {
  readonly sentinel: Sentinel
  readonly #host: PoolHost
  readonly #clock: () => number
  readonly #idle: IdleStack
  readonly #resting: Resting
  readonly #bindings: Bindings
  readonly #active: ActiveSet
  readonly #dials: Dials
  readonly #upgraded = new Upgraded()
  /** Of the active ones, those whose response has ended this very moment. */
  #settling = 0
  /** Dialled ones that are being told of, and are nobody's yet. */
  #opening = 0
  /** Those with a dial of their own, or about to try it again. */
  readonly #dialling = new WaitingQueue()
  /** Those without. */
  readonly #queued = new WaitingQueue()
  readonly #queueTimer: QueueTimer
  /** Counts the changes after which connections are made otherwise. */
  #generation = 0
  #draining = false
  #whenEmpty: (() => void)[] = []

  constructor (host: PoolHost, clock: () => number) {
    this.#host = host
    this.#clock = clock
    this.#active = new ActiveSet(clock, () => this.sentinel.dismiss('evicted'))
    this.#idle = new IdleStack(this, clock)
    this.#resting = new Resting(clock, connection => this.#rested(connection))
    this.#bindings = new Bindings(connection => this.#clientGone(connection))
    this.sentinel = new Sentinel(host.learner, clock, (connection, reason, idleMs) => this.#end(connection, reason, idleMs))
    this.#dials = new Dials(createDialer(host.origin, host.options.undiciOptions), clock, (error, socket, owner, began) => {
      if (error === undefined) this.#dialled(socket!, owner, clock() - began)
      else this.#dialFailed(error, owner, began)
      this.#fill()
    })
    this.#queueTimer = new QueueTimer(this.#queued, clock, () => host.options.pool.pendingTimeout, ticket => {
      this.#dequeue(ticket)
      ticket.waiter.refused(new HoldfastError('HOLDFAST_ERR_QUEUE_TIMEOUT'))
    })
  }

  get activeCount (): number { return this.#active.size }
  get idleCount (): number { return this.#idle.size }
  get connectingCount (): number { return this.#dials.size }
  get pendingCount (): number { return this.#queued.size + this.#dialling.size - this.#dials.owned }
  get upgradedCount (): number { return this.#upgraded.size }
  get idleLimit (): number { return this.#host.idleLimit }
  quietBefore (connection: Connection): number { return this.#host.learner.quietBefore(connection) }

  /** Whether a connection that has been idle for a while is open, the sentinel included. */
  get somethingSettled (): boolean { return this.#idle.settled || this.sentinel.idleMs !== undefined }

  /**
   * The most recently used idle connection that fits, now the caller's; undefined where there is none. One that is bound to the client's
   * connection comes before those that serve any.
   */
  acquire (fit: Fit, client: ClientConnection | undefined): Connection | undefined {
    const now = this.#clock()
    const bound = this.#bindings.has(client) ? this.#idle.take(fit, now, client) : undefined
    const connection = bound ?? this.#idle.take(fit, now, undefined)
    if (connection !== undefined) this.#activate(connection, now, now - connection.idleSince, 0)
    return connection
  }

  /**
   * Waits for a connection: for a dial of its own, or for one that is returned, whichever comes first; at the bound, for a
   * place. Returns the ticket to leave with, or undefined where the waiter was refused at once.
   */
  wait (fit: Fit, waiter: Waiter): Ticket | undefined {
    if (this.#draining) {
      waiter.refused(new HoldfastError('HOLDFAST_ERR_DRAINING'))
      return undefined
    }
    const ticket = newTicket(waiter, fit.maxIdle < 0, this.#clock())
    // A connection is about to be returned, for this one or for one before it.
    const promised = !ticket.freshOnly && this.#queued.size < this.#settling
    // Whoever queued before has the better claim on a place.
    if (!promised && this.#queued.size === 0 && this.#makeRoom(ticket)) {
      this.#dialling.push(ticket)
      this.#dials.start(ticket)
      return ticket
    }
    if (!promised && this.#queued.size >= this.#host.options.pool.maxPending) {
      waiter.refused(new HoldfastError('HOLDFAST_ERR_QUEUE_FULL'))
      return undefined
    }
    this.#queued.push(ticket)
    this.#queueTimer.start()
    return ticket
  }

  /** Leaves the queue; the waiter is not called any more. */
  leave (ticket: Ticket): void {
    if (ticket.queue === undefined) return
    this.#dequeue(ticket)
    if (ticket.dial !== undefined) ticket.dial.owner = undefined
    // Nobody is left to want what is being dialled, for this one or for others before.
    if (this.#queued.size === 0 && this.#dialling.size === 0) this.#dials.abandon()
    this.#checkEmpty()
  }

  /** A client has authenticated this connection: it serves the client's connection alone from now on, and ends with it. */
  bind (connection: Connection, client: ClientConnection | undefined): void {
    if (connection.state === 'active') this.#bindings.bind(connection, client)
  }

  exchangeEnded (connection: Connection, reason: CloseReason | undefined, response: ResponseView | undefined): void {
    // A receiver that throws at its last call makes undici report an error after the end, or after the upgrade.
    if (!this.#active.has(connection)) return
    if (response !== undefined) {
      connection.remaining--
      const { max } = response.signal
      if (max !== undefined && max < connection.remaining) connection.remaining = max
      this.#host.observers.responded(connection.view, response)
    }
    if (reason !== undefined) {
      this.#active.delete(connection)
      this.#named(connection, reason, reason === 'backend_idle' ? connection.acquiredAt - connection.idleSince : undefined)
      // Not at once: this is called while undici reads the response.
      queueMicrotask(() => connection.destroy())
      this.#fill()
      return
    }
    // undici decides after this call whether it keeps the socket, in ways that it does not tell (a HEAD without a length, a
    // request not yet written whole). A microtask later the socket itself says so, and nothing has been read meanwhile.
    this.#settling++
    inMicrotask(() => this.#settle(connection))
  }

  exchangeUpgraded (connection: Connection, response: ResponseView, socket: Duplex): void {
    this.#host.observers.responded(connection.view, response)
    this.#active.delete(connection)
    this.#bindings.release(connection)
    this.#upgraded.add(socket, () => {
      this.#named(connection, 'upgraded', undefined)
      this.#checkEmpty()
    })
    this.#fill()
  }

  connectionLost (connection: Connection, reason: CloseReason): void {
    if (connection.state !== 'idle') return
    if (!this.#idle.remove(connection)) return this.sentinel.lost(connection, reason)
    this.#end(connection, reason, this.#clock() - connection.idleSince)
    this.#fill()
  }

  /** All connections, upgraded ones excepted. */
  connections (): ConnectionSnapshot[] {
    const { connection: sentinel } = this.sentinel
    return snapshotsOf([...this.#active.all(), ...this.#idle.all()], sentinel, this.#clock())
  }

  /** Connections are made otherwise from now on; the present ones end as soon as they are idle. */
  dialBy (dialer: Dialer): void {
    this.#generation++
    this.#dials.use(dialer)
  }

  /** The target's options have changed. */
  optionsChanged (madeOtherwise: boolean): void {
    if (madeOtherwise) this.evict('updated')
    // Whoever was told of that may have changed them again.
    const { options } = this.#host
    for (const connection of [...this.#active.all(), ...this.#idle.all()]) connection.limit(options.pool)
    while (this.#total() > options.undiciOptions.connections) {
      const oldest = this.#idle.takeOldest()
      if (oldest === undefined) break
      this.#end(oldest, 'updated', this.#clock() - oldest.idleSince)
    }
    this.#idle.sweepSoon()
    this.#fill()
    this.#queueTimer.restart()
  }

  /** The idle limit has fallen. What is past it now is closed a little later, since those that are ending may tell more by that. */
  limitFell (): void {
    this.#idle.sweepSoon()
  }

  /** Closes idle connections, all of them or those that have been idle at least since a time. Active ones are not touched. */
  evict (reason: CloseReason, idleSince = Infinity): number {
    const evicted = this.#idle.closeSince(idleSince, reason)
    if (idleSince === Infinity) this.sentinel.dismiss(reason)
    this.#fill()
    return evicted
  }

  /** Takes no new work, closes what is idle, and resolves when the rest is finished. */
  drain (): Promise<void> {
    this.#draining = true
    for (let ticket = this.#queued.first; ticket !== undefined; ticket = this.#queued.first) {
      this.#dequeue(ticket)
      ticket.waiter.refused(new HoldfastError('HOLDFAST_ERR_DRAINING'))
    }
    this.evict('drained')
    return new Promise(resolve => {
      this.#whenEmpty.push(resolve)
      this.#checkEmpty()
    })
  }

  /** Ends everything at once. What is in flight fails. */
  destroy (): void {
    this.drain().catch(ignore)
    for (let ticket = this.#dialling.first; ticket !== undefined; ticket = this.#dialling.first) {
      this.leave(ticket)
      ticket.waiter.refused(new HoldfastError('HOLDFAST_ERR_DRAINING'))
    }
    this.#dials.abandon()
    this.#active.destroy()
    this.#upgraded.destroy()
    this.#checkEmpty()
  }

  /** Closes a connection that the idle stack has let go of. */
  close (connection: Connection, reason: CloseReason, idleMs: number): void {
    if (reason === 'idle_limit') this.#retire(connection, reason, idleMs)
    else this.#end(connection, reason, idleMs)
    // A request may wait for this one's rest. Not at once: the one that has met it here may be about to take another.
    if (this.#queued.size > 0) queueMicrotask(() => this.#fill())
  }

  // Unless it is left to watch its backend.
  #retire (connection: Connection, reason: CloseReason, idleMs: number): void {
    if (!this.#draining && connection.served > 0 && connection.boundTo === undefined && this.sentinel.post(connection, idleMs)) return
    this.#end(connection, reason, idleMs)
  }

  #end (connection: Connection, reason: CloseReason, idleMs: number | undefined): void {
    if (connection.state === 'closed') return
    connection.destroy()
    this.#named(connection, reason, idleMs)
  }

  #settle (connection: Connection): void {
    this.#settling--
    // Unless an error after the end has closed it.
    if (this.#active.delete(connection)) this.#takeBack(connection)
    // Whoever waits still takes none but a fresh one, or was promised one that went to somebody before him.
    this.#fill()
  }

  #takeBack (connection: Connection): void {
    const now = this.#clock()
    const ended = connection.endedBy
    const refused = this.#draining ? 'drained' : this.#host.refuseReturn(connection) ?? connection.wornBy(now, this.#generation)
    // The bound may have been lowered meanwhile.
    const reason = ended ?? refused ?? (this.#total() >= this.#host.options.undiciOptions.connections ? 'evicted' : undefined)
    if (reason !== undefined) {
      this.#end(connection, reason, ended === 'backend_idle' ? 0 : undefined)
      return
    }
    this.#host.learner.exchanged(now - connection.acquiredAt, connection.served > 1 ? connection.acquiredAt - connection.idleSince : 0)
    connection.idleSince = now
    this.#idle.push(connection)
    if (connection.bodiless) this.#resting.add(connection, restAfterBodiless(this.#host.roundTripMs))
    this.#host.observers.released(connection.view)
    this.#offer(connection)
  }

  /** Gives an idle connection to the request that has waited longest for one. */
  #offer (connection: Connection): void {
    if (connection.resting || connection.boundTo !== undefined) return
    const ticket = this.#nextFor(false)
    // Unless an observer, or an expired limit, has had it closed.
    if (ticket !== undefined && this.#idle.remove(connection)) this.#hand(connection, ticket, false)
  }

  // One that is bound to a client serves no other, but makes room for one.
  #rested (connection: Connection): void {
    if (connection.state !== 'idle') return
    this.#offer(connection)
    this.#fill()
  }

  // An active one is closed when its exchange, which the client's end has ended too, gives it back.
  #clientGone (connection: Connection): void {
    if (!this.#idle.remove(connection)) return
    this.#end(connection, 'client_gone', this.#clock() - connection.idleSince)
    this.#fill()
  }

  /** Who has waited longest for a connection of this kind. */
  #nextFor (fresh: boolean): Ticket | undefined {
    return earlier(this.#queued.firstFor(fresh), this.#dialling.firstFor(fresh))
  }

  #hand (connection: Connection, ticket: Ticket, fresh: boolean): void {
    this.#dequeue(ticket)
    // Its dial goes on, for whoever comes next.
    if (ticket.dial !== undefined) ticket.dial.owner = undefined
    const now = this.#clock()
    const waitMs = now - ticket.since
    this.#activate(connection, now, 0, waitMs)
    ticket.waiter.granted(connection, fresh, waitMs)
  }

  #activate (connection: Connection, now: number, idleMs: number, waitMs: number): void {
    connection.state = 'active'
    connection.acquiredAt = now
    this.#active.add(connection)
    this.#host.observers.acquired(connection.view, idleMs, waitMs)
  }

  #total (): number {
    return this.#idle.size + this.#active.size + this.#dials.size + this.#opening
  }

  /**
   * Whether a dial may start now. At the bound, the connection that has been idle longest makes room for it; unless all of them rest, and
   * the request can wait for one of those.
   */
  #makeRoom ({ freshOnly }: Ticket): boolean {
    const { undiciOptions: { connections }, pool: { maxDials } } = this.#host.options
    if (this.#dials.size >= maxDials) return false
    if (this.#total() < connections) return true
    const oldest = this.#idle.takeOldest(!freshOnly)
    if (oldest !== undefined) this.#retire(oldest, 'evicted', this.#clock() - oldest.idleSince)
    return oldest !== undefined
  }

  /** Starts dials for those who wait without one, as far as the limits allow. */
  #fill (): void {
    if (this.#draining) {
      this.#checkEmpty()
      return
    }
    for (let ticket = this.#queued.first; ticket !== undefined && this.#queued.size > this.#settling && this.#makeRoom(ticket); ticket = this.#queued.first) {
      this.#dequeue(ticket)
      this.#dialling.push(ticket)
      this.#dials.start(ticket)
    }
  }

  #dialled (socket: Socket, owner: Ticket | undefined, connectMs: number): void {
    const now = this.#clock()
    const connection = new Connection(socket, {
      id: this.#host.nextId(), target: this.#host.name, origin: this.#host.origin, options: this.#host.options,
      owner: this, connectMs, now, generation: this.#generation, clock: this.#clock
    })
    this.#opening++
    this.#host.observers.opened(connection.view, connectMs)
    this.#opening--
    // Whoever has just been told may have changed how connections are made, or how long they are kept.
    if (connection.generation !== this.#generation) {
      this.#end(connection, 'updated', undefined)
      if (owner !== undefined) this.#dialAgain(owner)
      return
    }
    connection.limit(this.#host.options.pool)
    // Whoever it was for may have been served, or have left, or be refused by whoever has just been told.
    const ticket = owner?.queue === undefined ? this.#nextFor(true) : owner
    if (ticket !== undefined) return this.#hand(connection, ticket, true)
    connection.idleSince = now
    const reason = this.#draining ? 'drained' : this.#host.refuseReturn(connection)
    if (reason === undefined) this.#idle.push(connection)
    else this.#end(connection, reason, 0)
  }

  #dialFailed (error: HoldfastError, owner: Ticket | undefined, began: number): void {
    const now = this.#clock()
    this.#host.observers.dialFailed(this.#host.name, dialFailureCode(error), now - began)
    if (owner === undefined) return
    const delay = this.#draining ? undefined : redialAfter(owner, error, { began, now, within: this.#host.options.pool.connectRetry })
    if (delay !== undefined) {
      // It keeps its place meanwhile, and takes a connection that is returned.
      owner.retryTimer = setTimeout(() => this.#redial(owner), delay)
      return
    }
    this.#dequeue(owner)
    owner.waiter.refused(error)
  }

  #redial (ticket: Ticket): void {
    ticket.retryTimer = undefined
    this.#host.observers.retried(this.#host.name, 'connect')
    this.#dialAgain(ticket)
  }

  // Unless whoever has just been told has had it refused.
  #dialAgain (ticket: Ticket): void {
    if (ticket.queue === undefined) return
    if (this.#makeRoom(ticket)) {
      this.#dials.start(ticket)
      return
    }
    this.#dequeue(ticket)
    if (this.#draining) {
      // Places that become free are not filled any more.
      ticket.waiter.refused(new HoldfastError('HOLDFAST_ERR_DRAINING'))
      this.#checkEmpty()
      return
    }
    // All dials or places are taken: it waits for one like anybody.
    this.#queued.push(ticket)
    this.#queueTimer.restart()
  }

  #dequeue (ticket: Ticket): void {
    ticket.queue?.remove(ticket)
    clearTimeout(ticket.retryTimer)
    ticket.retryTimer = undefined
    // It would keep the process until the last one's time had been over.
    if (this.#queued.size === 0) this.#queueTimer.stop()
  }

  #named (connection: Connection, reason: CloseReason, idleMs: number | undefined): void {
    connection.state = 'closed'
    this.#bindings.release(connection)
    this.#host.observers.closed(connection.view, reason, idleMs)
    if (reason !== 'backend_idle' || idleMs === undefined || connection.served === 0) return
    this.#host.learner.closedAfter(connection, idleMs)
    this.#host.learner.closed(idleMs, this.somethingSettled)
  }

  #checkEmpty (): void {
    if (!this.#draining || this.#total() + this.#upgraded.size + this.#dialling.size > 0) return
    this.#idle.stop()
    this.#resting.stop()
    this.#queueTimer.stop()
    this.#active.stop()
    const done = this.#whenEmpty
    this.#whenEmpty = []
    for (const resolve of done) resolve()
  }
}

function ignore (): void {}
