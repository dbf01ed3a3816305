import type { Connection } from '../connection/connection.js'
import type { Persistence, Provenance, RetryReason } from '../connection/observer.js'
import type { ErrorCode } from '../errors.js'

/** What a call notes while it runs. Most often nothing reads it, so noting costs a few assignments only. */
export class ProvenanceRecord {
  #connection: number | undefined
  #endpoint: string | undefined
  #reused = false
  #nth = 0
  #idleMs = 0
  #waitMs = 0
  #attempts = 0
  #retries: RetryReason[] | undefined
  #persistence: Persistence | undefined

  waited (ms: number): void {
    this.#waitMs += ms
  }

  begun (connection: Connection, reused: boolean, persistence: Persistence, endpoint: string | undefined): void {
    this.#endpoint = endpoint
    this.#attempts++
    this.#connection = connection.id
    this.#reused = reused
    this.#nth = connection.served + 1
    this.#idleMs = reused ? connection.acquiredAt - connection.idleSince : 0
    this.#persistence = persistence
  }

  /** The request has been given to an endpoint. */
  placed (endpoint: string | undefined): void {
    this.#endpoint = endpoint
  }

  retried (kind: RetryReason): void {
    this.#retries ??= []
    this.#retries.push(kind)
  }

  /**
   * The provenance up to now.
   *
   * @param persistence what is believed now, for a call that has had no connection yet
   */
  read (target: string, persistence: Persistence, error: ErrorCode | undefined): Provenance {
    return {
      target,
      ...this.#endpoint === undefined ? undefined : { endpoint: this.#endpoint },
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
 * A provenance in `key=value` words, for the client. The target's name is left out: by default it is the backend's origin, and a client
 * must not learn addresses. The endpoint's id does not show its address.
 */
export function provenanceWords ({ endpoint, connection, reused, nth, idleMs, waitMs, attempts, retries, persistence, error }: Provenance): string {
  const words: string[] = []
  if (endpoint !== undefined) words.push(`endpoint=${endpoint}`)
  if (connection !== undefined) words.push(`connection=${connection}`, `reused=${reused}`, `nth=${nth}`, `idleMs=${idleMs}`)
  words.push(`waitMs=${waitMs}`, `attempts=${attempts}`)
  if (retries.length > 0) words.push(`retries=${retries.join('+')}`)
  words.push(`persistence=${persistence}`)
  if (error !== undefined) words.push(`error=${error}`)
  return words.join(' ')
}
