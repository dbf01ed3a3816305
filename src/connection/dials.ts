import type { HoldfastError } from '../errors.js'
import type { BackendSocket } from '../wire/backend-socket.js'
import type { Dialer } from './dial.js'
import { PlacedSet } from './placed-set.js'
import type { OwnedDial, Ticket } from './waiting-queue.js'

/** The result of a dial: a socket or an error, the ticket that it was started for if that still waits, and when the dial began. */
export type DialDone = (error: HoldfastError | undefined, socket: BackendSocket | undefined, owner: Ticket | undefined, began: number) => void

/** A pool's dials under way. Each was begun for one waiter, its owner, which may be served or leave before the dial is done. */
export class Dials {
  readonly #clock: () => number
  readonly #done: DialDone
  readonly #underWay = new PlacedSet<OwnedDial>()
  #dialer: Dialer

  constructor (dialer: Dialer, clock: () => number, done: DialDone) {
    this.#dialer = dialer
    this.#clock = clock
    this.#done = done
  }

  get size (): number { return this.#underWay.size }

  /** How many dials have an owner that still waits. */
  get owned (): number {
    let owned = 0
    for (const dial of this.#underWay) if (dial.owner !== undefined) owned++
    return owned
  }

  start (owner: Ticket): void {
    const began = this.#clock()
    const dial: OwnedDial = {
      owner,
      place: 0,
      dial: this.#dialer((error, socket) => {
        this.#underWay.delete(dial)
        if (dial.owner !== undefined) dial.owner.dial = undefined
        this.#done(error, socket, dial.owner, began)
      })
    }
    owner.dial = dial
    this.#underWay.add(dial)
  }

  /** Gives all dials up. */
  abandon (): void {
    for (const { dial } of this.#underWay) dial.abandon()
    this.#underWay.clear()
  }

  /** Uses another dialer from now on. Dials under way are given up, and begun anew for owners that still wait. */
  use (dialer: Dialer): void {
    this.#dialer = dialer
    const owners = [...this.#underWay].map(({ owner }) => owner)
    this.abandon()
    for (const owner of owners) if (owner !== undefined) this.start(owner)
  }
}
