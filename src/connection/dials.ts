import type { HoldfastError } from '../errors.js'
import type { BackendSocket } from '../wire/backend-socket.js'
import type { Dialer } from './dial.js'
import { PlacedSet } from './placed-set.js'
import type { PoolHost } from './pool-host.js'
import type { OwnedDial, Ticket } from './waiting-queue.js'

/** The result of a dial: a socket or an error. */
export interface DialResult {
  readonly error: HoldfastError | undefined
  readonly socket: BackendSocket | undefined
  /** The ticket that it was started for, if that still waits. */
  readonly owner: Ticket | undefined
  /** When the dial began, on the pool's clock. */
  readonly began: number
}

/** A pool's dials under way. Each was begun for one waiter, its owner, which may be served or leave before the dial is done. */
export class Dials {
  readonly #clock: () => number
  readonly #host: PoolHost
  readonly #done: (result: DialResult) => void
  readonly #underWay = new PlacedSet<OwnedDial>()
  #dialer: Dialer

  constructor (dialer: Dialer, clock: () => number, host: PoolHost, done: (result: DialResult) => void) {
    this.#dialer = dialer
    this.#clock = clock
    this.#host = host
    this.#done = done
  }

  get size (): number { return this.#underWay.size }

  /** How many dials have an owner that still waits. */
  get owned (): number {
    let owned = 0
    for (const dial of this.#underWay) if (dial.owner !== undefined) owned++
    return owned
  }

  /** @param owner the waiter that it is for; undefined for a dial that finds out whether the endpoint accepts connections */
  start (owner: Ticket | undefined): void {
    const began = this.#clock()
    this.#host.dialBegan()
    const dial: OwnedDial = {
      owner,
      probes: owner === undefined,
      place: 0,
      dial: this.#dialer((error, socket) => {
        this.#underWay.delete(dial)
        if (dial.owner !== undefined) dial.owner.dial = undefined
        this.#done({ error, socket, owner: dial.owner, began })
      })
    }
    if (owner !== undefined) owner.dial = dial
    this.#underWay.add(dial)
  }

  /** Gives the dials up that no waiter needs. @param probes those as well that find out whether the endpoint accepts connections */
  abandonUnneeded (probes: boolean): void {
    for (const dial of [...this.#underWay]) {
      if (dial.owner !== undefined || (dial.probes && !probes) || !this.#underWay.delete(dial)) continue
      dial.dial.abandon()
      this.#host.dialsAbandoned(1)
    }
  }

  /** Gives all dials up. */
  abandon (): void {
    const count = this.#underWay.size
    for (const { dial } of this.#underWay) dial.abandon()
    this.#underWay.clear()
    if (count > 0) this.#host.dialsAbandoned(count)
  }

  /** Uses another dialer from now on. Dials under way are given up, and begun anew for owners that still wait. */
  use (dialer: Dialer): void {
    this.#dialer = dialer
    const owners = [...this.#underWay].map(({ owner }) => owner)
    this.abandon()
    for (const owner of owners) if (owner !== undefined) this.start(owner)
  }
}
