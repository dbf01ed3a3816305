import type { Connection } from './connection.js'

// Beyond the 40 ms for which Linux may keep back the acknowledgement of a response's head, and a backend without TCP_NODELAY the bytes
// behind it. gunicorn's threads send them within 1 ms (bench/wire/bodiless-gap.ts), servers that were reported within 10 ms.
const QUIET = 50
// The acknowledgement, and then the bytes, have the way to go besides. An exchange that takes longer than this was slow for another reason.
const LONGEST_WAY = 200

/** How long a connection lies unused after a response that has no body by rule, in ms. `roundTrip`: the shortest exchange so far, in ms. */
export function restAfterBodiless (roundTrip: number): number {
  return QUIET + Math.min(roundTrip, LONGEST_WAY)
}

interface Rest { readonly connection: Connection, readonly until: number }

/**
 * Idle connections that carry no request yet: their last response had no body by rule (HEAD, 204, 304), and a backend that sends one all
 * the same would answer the next request with it. What is read of a connection while it rests ends it.
 */
export class Resting {
  readonly #clock: () => number
  readonly #rested: (connection: Connection) => void
  readonly #rests: Rest[] = []
  #timer: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined

  /** @param rested is given each connection that has rested, whether it is still idle or not */
  constructor (clock: () => number, rested: (connection: Connection) => void) {
    this.#clock = clock
    this.#rested = rested
  }

  add (connection: Connection, ms: number): void {
    connection.startResting()
    this.#rests.push({ connection, until: this.#clock() + ms })
    this.#wait()
  }

  stop (): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#turn)
    this.#timer = this.#turn = undefined
    this.#rests.length = 0
  }

  #wait (): void {
    const [first] = this.#rests
    if (first === undefined || this.#timer !== undefined || this.#turn !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      // A timer that is late by a stall of the loop comes before what has arrived meanwhile is read; an immediate comes after.
      this.#turn = setImmediate(() => this.#look())
    }, Math.max(1, Math.ceil(first.until - this.#clock()))).unref()
  }

  #look (): void {
    this.#turn = undefined
    const now = this.#clock()
    // Rests are of about one length: those behind the first are hardly ever over before it.
    while (this.#rests.length > 0 && this.#rests[0]!.until <= now) {
      const { connection } = this.#rests.shift()!
      connection.endResting()
      this.#rested(connection)
    }
    this.#wait()
  }
}
