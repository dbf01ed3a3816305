import type { Connection } from '../connection/connection.js'
import type { Persistence } from '../connection/observer.js'
import type { ErrorCode } from '../errors.js'
import type { RetryKind } from './retry.js'

/** How a proxied request travelled: `provenanceOf(reply)`, and `provenance` on its log line. Times in whole ms. */
export interface Provenance {
  /** The target's name. */
  readonly target: string
  /** The id of the connection that carried it, as observers know it; the last one of two, undefined where none was had. */
  readonly connection: number | undefined
  /** Whether that connection had lain in the pool. */
  readonly reused: boolean
  /** Which of its connection's requests it was: 1 for the first, 0 where no connection was had. */
  readonly nth: number
  /** How long the connection had been idle before; 0 for a fresh one. */
  readonly idleMs: number
  /** How long it waited for a connection, dials included; for those of all attempts together. */
  readonly waitMs: number
  /** How often it was begun on a connection: 0 to 2. */
  readonly attempts: number
  /** Why it was sent again; `connect` where a refused dial was tried again before a connection was had. */
  readonly retries: readonly (RetryKind | 'connect')[]
  /** What was believed of the backend when the request was given its connection. */
  readonly persistence: Persistence
  /** The code of the failure that it ended with; absent where there was none. */
  readonly error?: ErrorCode
}

/** What a call notes of its way, for whoever asks: most often nobody does, so there is nothing here but a few assignments. */
export class ProvenanceRecord {
  #connection: number | undefined
  #reused = false
  #nth = 0
  #idleMs = 0
  #waitMs = 0
  #attempts = 0
  #retries: (RetryKind | 'connect')[] | undefined
  #persistence: Persistence | undefined

  waited (ms: number): void {
    this.#waitMs += ms
  }

  begun (connection: Connection, reused: boolean, persistence: Persistence): void {
    this.#attempts++
    this.#connection = connection.id
    this.#reused = reused
    this.#nth = connection.served + 1
    this.#idleMs = reused ? connection.acquiredAt - connection.idleSince : 0
    this.#persistence = persistence
  }

  retried (kind: RetryKind | 'connect'): void {
    this.#retries ??= []
    this.#retries.push(kind)
  }

  /** All of it, as it is now. */
  read (target: { readonly name: string, readonly persistence: Persistence }, error: ErrorCode | undefined): Provenance {
    return {
      target: target.name,
      connection: this.#connection,
      reused: this.#reused,
      nth: this.#nth,
      idleMs: Math.round(this.#idleMs),
      waitMs: Math.round(this.#waitMs),
      attempts: this.#attempts,
      retries: this.#retries === undefined ? [] : [...this.#retries],
      persistence: this.#persistence ?? target.persistence,
      ...(error === undefined ? undefined : { error })
    }
  }
}

/**
 * A provenance in `key=value` words, for whoever is on the other side. Not the target's name: it is an origin unless somebody gave
 * it another, and a client is not told addresses.
 */
export function provenanceWords ({ connection, reused, nth, idleMs, waitMs, attempts, retries, persistence, error }: Provenance): string {
  const words: string[] = []
  if (connection !== undefined) words.push(`connection=${connection}`, `reused=${reused}`, `nth=${nth}`, `idleMs=${idleMs}`)
  words.push(`waitMs=${waitMs}`, `attempts=${attempts}`)
  if (retries.length > 0) words.push(`retries=${retries.join('+')}`)
  words.push(`persistence=${persistence}`)
  if (error !== undefined) words.push(`error=${error}`)
  return words.join(' ')
}
