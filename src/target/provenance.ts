import type { Connection } from '../connection/connection.js'
import type { Persistence, Provenance } from '../connection/observer.js'
import type { ErrorCode } from '../errors.js'
import type { RetryKind } from './retry.js'

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
  read (target: string, persistence: Persistence, error: ErrorCode | undefined): Provenance {
    return {
      target,
      connection: this.#connection,
      reused: this.#reused,
      nth: this.#nth,
      idleMs: Math.round(this.#idleMs),
      waitMs: Math.round(this.#waitMs),
      attempts: this.#attempts,
      retries: this.#retries === undefined ? [] : [...this.#retries],
      persistence: this.#persistence ?? persistence,
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
