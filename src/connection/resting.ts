import type { Connection } from './connection.js'

// In ms. Linux may delay the acknowledgement of a response's head by 40 ms, and a backend without TCP_NODELAY delays the bytes after the
// head until then. gunicorn's threads send them within 1 ms (bench/wire/bodiless-gap.ts), other known servers within 10 ms.
const QUIET = 50
// In ms. The acknowledgement and the bytes take a round trip in addition. An exchange that takes longer than this was slow for another
// reason.
const LONGEST_WAY = 200

/** How long a connection rests after a response that has no body by rule, in ms. @param roundTrip the shortest recent exchange, in ms */
export function restAfterBodiless (roundTrip: number): number {
  return QUIET + Math.min(roundTrip, LONGEST_WAY)
}

interface Rest { readonly connection: Connection, readonly until: number }

/**
 * Idle connections that take no request yet. Their last response had no body by rule (HEAD, 204, 304). Some backends send a body all the
 * same, and it would be read as the next response. Bytes that arrive while a connection rests close it.
 */
export class Resting {
  readonly #clock: () => number
  readonly #rested: (connection: Connection) => void
  readonly #rests: Rest[] = []
  #timer: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined

  /** @param rested gets each connection whose rest is over, also one that is not idle any more */
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
      // After a stall of the event loop, a late timer runs before the sockets are read, and an immediate runs after.
      this.#turn = setImmediate(() => this.#look())
    }, Math.max(1, Math.ceil(first.until - this.#clock()))).unref()
  }

  #look (): void {
    this.#turn = undefined
    const now = this.#clock()
    // All rests take about the same time, so the order of their ends is nearly the order of their beginnings.
    while (this.#rests.length > 0 && this.#rests[0]!.until <= now) {
      const { connection } = this.#rests.shift()!
      connection.endResting()
      this.#rested(connection)
    }
    this.#wait()
  }
}
