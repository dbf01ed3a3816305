import { isIdleClose } from '../connection/close-reason.js'
import type { CloseReason } from '../connection/close-reason.js'
import type { ConnectionObserver, ConnectionView, EndpointChange, Persistence, Provenance } from '../connection/observer.js'
import type { ErrorCode } from '../errors.js'
import type { EndpointRecord, Failure, HistorySecond, PersistenceChange, TargetHistory } from './api-shapes.js'

const SECOND = 1_000
/** How many seconds are kept: five minutes show the effect of a restart or a deployment. */
const SECONDS = 300
/** How many changes of persistence are kept, and how many failures. */
const EVENTS = 50
/** How many events of endpoints are kept: each of 25 endpoints joins, comes up, leaves and drains in a rolling replacement. */
const ENDPOINT_EVENTS = 100
// From 10 ms to an hour, ten edges a decade, so that closes after 5 s and closes after 6 s are counted apart.
const EDGES: readonly number[] = Array.from({ length: 57 }, (_, i) => Math.round(10 * 10 ** (i / 10)))

interface Slot { second: number, requests: number, opened: number, closed: Partial<Record<CloseReason, number>> | undefined }

/**
 * Keeps the recent history of each target, in bounded memory. It observes connections. Requests are counted by `sample`, since an event for
 * each request would cost too much.
 */
export class History implements ConnectionObserver {
  readonly #clock: () => number
  readonly #targets = new Map<string, TargetMemory>()

  /** @param clock epoch ms */
  constructor (clock: () => number) {
    this.#clock = clock
  }

  opened (connection: ConnectionView): void {
    this.#memory(connection.target).slot(this.#clock()).opened++
  }

  closed (connection: ConnectionView, reason: CloseReason, idleMs: number | undefined): void {
    const memory = this.#memory(connection.target)
    const slot = memory.slot(this.#clock())
    slot.closed ??= {}
    slot.closed[reason] = (slot.closed[reason] ?? 0) + 1
    if (isIdleClose(reason) && idleMs !== undefined) memory.idleClose(idleMs)
  }

  rejected (target: string, code: ErrorCode, provenance: Provenance): void {
    remember<Failure>(this.#memory(target).failures, { at: this.#clock(), code, provenance })
  }

  persistenceChanged (target: string, from: Persistence, to: Persistence, cause: string, endpoint: string): void {
    remember<PersistenceChange>(this.#memory(target).persistence, { at: this.#clock(), from, to, cause, endpoint })
  }

  endpointChanged (target: string, { endpoint, address, from, to, cause }: EndpointChange): void {
    this.#endpoint(target, { at: this.#clock(), type: 'changed', endpoint, address, from: from ?? null, to, cause })
  }

  endpointDrained (target: string, endpoint: string, address: string): void {
    this.#endpoint(target, { at: this.#clock(), type: 'drained', endpoint, address })
  }

  /**
   * Takes all targets with their numbers of requests so far, at the beginning of each second. Requests since the last call belong to the
   * second before. Targets that are not among them are forgotten.
   */
  sample (totals: Iterable<readonly [name: string, requests: number]>): void {
    const now = this.#clock()
    const gone = new Set(this.#targets.keys())
    for (const [name, requests] of totals) {
      gone.delete(name)
      this.#memory(name).requestsSoFar(requests, now - SECOND)
    }
    for (const name of gone) this.#targets.delete(name)
  }

  /** The history of a target; an empty one where nothing has happened to it. */
  of (target: string): TargetHistory {
    const now = this.#clock()
    return (this.#targets.get(target) ?? new TargetMemory(now)).read(now)
  }

  #endpoint (target: string, record: EndpointRecord): void {
    remember<EndpointRecord>(this.#memory(target).endpoints, record, ENDPOINT_EVENTS)
  }

  #memory (target: string): TargetMemory {
    let memory = this.#targets.get(target)
    if (memory === undefined) this.#targets.set(target, memory = new TargetMemory(this.#clock()))
    return memory
  }
}

class TargetMemory {
  readonly persistence: PersistenceChange[] = []
  readonly failures: Failure[] = []
  readonly endpoints: EndpointRecord[] = []
  readonly #since: number
  /** By second, modulo `SECONDS`. A second in which nothing happened has no slot, or the slot of an older second. */
  readonly #slots: (Slot | undefined)[] = []
  readonly #idleCloses: number[] = EDGES.map(() => 0)
  #requests = 0

  constructor (since: number) {
    this.#since = since
  }

  slot (at: number): Slot {
    const second = Math.floor(at / SECOND)
    const known = this.#slots[second % SECONDS]
    if (known?.second === second) return known
    const slot = { second, requests: 0, opened: 0, closed: undefined }
    this.#slots[second % SECONDS] = slot
    return slot
  }

  idleClose (idleMs: number): void {
    const bucket = EDGES.findIndex(edge => idleMs <= edge)
    this.#idleCloses[bucket === -1 ? EDGES.length - 1 : bucket]!++
  }

  requestsSoFar (total: number, at: number): void {
    // Fewer than before: a new dynamic target has the name of one that is gone.
    const added = total < this.#requests ? total : total - this.#requests
    this.#requests = total
    if (added > 0) this.slot(at).requests += added
  }

  read (now: number): TargetHistory {
    // The current second is not complete, and would look like a drop.
    const last = Math.floor(now / SECOND) - 1
    const first = Math.max(last - SECONDS + 1, Math.floor(this.#since / SECOND))
    const seconds: HistorySecond[] = []
    for (let second = first; second <= last; second++) {
      const slot = this.#slots[second % SECONDS]
      const { requests, opened, closed } = slot?.second === second ? slot : NOTHING
      seconds.push({ at: second * SECOND, requests, opened, closed: { ...closed } })
    }
    return {
      since: this.#since,
      seconds,
      idleCloses: { edges: EDGES, counts: [...this.#idleCloses] },
      persistence: [...this.persistence],
      failures: [...this.failures],
      endpoints: [...this.endpoints]
    }
  }
}

const NOTHING: Omit<Slot, 'second'> = { requests: 0, opened: 0, closed: undefined }

function remember<T> (list: T[], item: T, most = EVENTS): void {
  if (list.length === most) list.shift()
  list.push(item)
}
