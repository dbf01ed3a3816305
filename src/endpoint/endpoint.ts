import type { Connection } from '../connection/connection.js'
import { dialFailureCode } from '../connection/dial.js'
import type { Dialer } from '../connection/dial.js'
import type { CloseReason, Persistence } from '../connection/observer.js'
import type { Pool } from '../connection/pool.js'
import type { PoolHost } from '../connection/pool-host.js'
import type { Found } from '../discovery/source.js'
import type { HoldfastError } from '../errors.js'
import { Answers } from './answers.js'
import type { CheckEvent } from './checks.js'
import type { Member } from './choice-set.js'
import type { EndpointPersistence } from './endpoint-persistence.js'
import type { EndpointSnapshot } from './endpoint-snapshot.js'
import { newEndpoint, nextLife } from './endpoint-state.js'
import type { EndpointEvent, EndpointLife } from './endpoint-state.js'
import { dialEvidence } from './evidence.js'
import type { EndpointFailure } from './evidence.js'
import { isHealthy, lifeEvent, newHealth, nextHealth } from './health.js'
import type { Health, HealthEvent, HealthSettings } from './health.js'
import { STAYING, nextDeparture } from './leaving-evidence.js'
import type { Departure, DepartureEvent } from './leaving-evidence.js'
import type { Candidate } from './roster.js'

/** What an endpoint needs from its target. */
export interface EndpointGroup {
  readonly clock: () => number
  /** From 0 to 1. */
  readonly random: () => number
  readonly healthSettings: HealthSettings
  /** Whether the target may have several endpoints. One that is alone does not leave: no other could serve its requests. */
  readonly several: boolean
  /** Whether the target is at its bound of connections, and an endpoint that may be chosen has an idle one. */
  readonly crowded: boolean
  /** For how long idle connections are known to be kept, in ms. */
  readonly usualIdle: number
  mayEject (endpoint: Endpoint): boolean
  /** Whether an endpoint other than this one shows signs of leaving. */
  othersShowSigns (endpoint: Endpoint): boolean
  /** Its state has changed. */
  lifeChanged (endpoint: Endpoint, before: EndpointLife): void
  /** What is due of it has changed; `choice`: whether it may be chosen has changed, too. */
  changed (choice: boolean): void
  /** Its dials have begun to be refused, or to succeed again. */
  dialsChanged (endpoint: Endpoint, refused: boolean): void
  /** Something of it has ended. It may be empty now. */
  shrank (endpoint: Endpoint): void
}

export interface EndpointInit {
  readonly id: string
  readonly address: string
  /** As discovery has it; undefined for the endpoint that is its target's origin. */
  readonly found: Found | undefined
  readonly dialer: Dialer
  readonly kept: EndpointPersistence
  readonly awaitsCheck: boolean
  readonly cause: string
}

// The mean time of exchanges follows the last ten or so.
const NEWEST = 0.1

/** One address of a target, with its pool and all that is known of it. It applies the pure policies beside this file. */
export class Endpoint implements PoolHost, Candidate, Member {
  readonly id: string
  readonly address: string
  /** Whether it keeps connections open. */
  readonly kept: EndpointPersistence
  readonly answers = new Answers()
  dialer: Dialer
  found: Found | undefined
  /** Whether the latest list has it. */
  listed = true
  weight: number
  priority: number
  slowFrom = -Infinity
  outstanding = 0
  requests = 0
  failures = 0
  /** Whether its connections are closed when they are returned, since it takes no more requests. */
  closesReturned = false
  drained = false
  /** Why its last dial failed. */
  dialError: HoldfastError | undefined
  certificateEnd: number | undefined
  readonly #group: EndpointGroup
  #pool: Pool | undefined
  #life: EndpointLife
  #health: Health
  #departure: Departure = STAYING
  /** `since` of its last snapshot, and that time in ms since 1970. */
  #since = NaN
  #sinceByWallClock = 0
  #exchangeMs = 0

  constructor (group: EndpointGroup, { id, address, found, dialer, kept, awaitsCheck, cause }: EndpointInit) {
    this.#group = group
    this.id = id
    this.address = address
    this.found = found
    this.dialer = dialer
    this.kept = kept
    this.weight = found?.weight ?? 1
    this.priority = found?.priority ?? 0
    const now = group.clock()
    this.#life = newEndpoint(now, cause, awaitsCheck)
    this.#health = newHealth(now, group.healthSettings, group.random())
  }

  /** Set once, right after the construction of both. */
  get pool (): Pool { return this.#pool! }
  set pool (pool: Pool) { this.#pool = pool }

  get life (): EndpointLife { return this.#life }
  get health (): Health { return this.#health }
  get departure (): Departure { return this.#departure }
  get refusing (): boolean { return this.#health.refusal.since !== undefined }
  get persistence (): Persistence { return this.kept.state }
  /** One that has answered nothing yet counts as warm: it gets its share at once, and is known then. */
  get warm (): boolean { return this.#pool!.idle.size > 0 || this.#life.state === 'joining' }
  get full (): boolean { return this.#pool!.full || (this.#pool!.idle.size === 0 && this.#group.crowded) }
  /** Whether nothing of it is in use. */
  get unused (): boolean {
    const { active, upgraded, dials } = this.#pool!
    return this.outstanding + active.size + upgraded.size + dials.size === 0
  }

  live (event: EndpointEvent): void {
    const before = this.#life
    this.#life = nextLife(before, event, this.#group.clock())
    if (this.#life.state !== before.state) this.#group.lifeChanged(this, before)
    else if (this.#life !== before) this.#group.changed(false)
  }

  tell (event: HealthEvent): void {
    const before = this.#health
    const refused = this.refusing
    this.#health = nextHealth(before, event, this.#group.clock(), this.#group.healthSettings, this.#group.random())
    if (this.#health === before) return
    const change = lifeEvent(before, this.#health)
    if (change !== undefined) this.live(change)
    const turned = this.refusing !== refused
    if (turned) this.#group.dialsChanged(this, this.refusing)
    if (change === undefined) this.#group.changed(turned)
  }

  /** A request has failed on it. @param others whether it has answered other clients lately @param probe whether it was the probing one */
  failed (failure: EndpointFailure, others: boolean, probe: boolean): void {
    this.failures++
    this.tell({ type: 'failed', failure, others, mayEject: this.#group.mayEject(this), probe })
  }

  /** A response has come. @param began when its request began on its connection */
  answered (began: number): void {
    if (!isHealthy(this.#health)) this.tell({ type: 'answered', began })
    // Where there is a health check, that decides whether a new endpoint is up.
    if (this.#life.state === 'joining' && !this.#life.awaitsCheck) this.live({ type: 'serves', cause: 'it has answered' })
  }

  /** What its health check says. */
  checked (event: CheckEvent): void {
    if (event.type === 'check_failed') this.failures++
    this.tell({ ...event, mayEject: this.#group.mayEject(this) })
  }

  depart (event: DepartureEvent): void {
    if (!this.#group.several) return
    const before = this.#departure
    const now = this.#group.clock()
    this.#departure = nextDeparture(before, event, now, this.#group.othersShowSigns(this))
    if (this.#departure === before) return
    const { leaving } = this.#departure
    if (leaving !== undefined && before.leaving === undefined) {
      this.live({ type: 'leave', by: 'evidence', cause: leaving.cause })
    } else if (leaving === undefined && before.leaving !== undefined) {
      const cause = event.type === 'refused' ? 'it does not leave: nothing listens there' : 'it keeps connections again'
      this.live({ type: 'stay', by: 'evidence', cause })
    } else this.#group.changed(false)
  }

  /** An operator says that it stays. */
  forgetDeparture (): void {
    this.#departure = STAYING
  }

  snapshot (now: number, wallClock: number): EndpointSnapshot {
    const { state, since, cause } = this.#life
    // Two clocks, read at different moments, would give another time at each snapshot.
    if (since !== this.#since) {
      this.#since = since
      this.#sinceByWallClock = Math.round(wallClock - (now - since))
    }
    const { active, idle, dials, upgraded } = this.pool
    return {
      id: this.id,
      address: this.address,
      state,
      drained: this.drained,
      refusing: this.refusing,
      since: this.#sinceByWallClock,
      cause,
      weight: this.weight,
      priority: this.priority,
      zone: this.found?.zone,
      persistence: this.persistence,
      connections: { active: active.size, idle: idle.size, connecting: dials.size, upgraded: upgraded.size },
      requests: this.requests,
      failures: this.failures,
      exchangeMs: this.#exchangeMs
    }
  }

  // Called by its pool.

  refuseReturn (connection: Connection): CloseReason | undefined {
    return this.closesReturned ? 'endpoint_gone' : this.kept.refuseReturn(connection)
  }

  exchanged (ms: number): void {
    this.#exchangeMs = this.#exchangeMs === 0 ? ms : this.#exchangeMs + NEWEST * (ms - this.#exchangeMs)
  }

  dialBegan (): void {
    this.tell({ type: 'dialled' })
  }

  dialEnded (error: HoldfastError | undefined, began: number): void {
    this.dialError = error
    if (error === undefined) {
      this.tell({ type: 'connected' })
      this.depart({ type: 'connected' })
      return
    }
    const failure = dialEvidence(dialFailureCode(error))
    if (failure !== undefined) this.failures++
    const { out } = this.#health.ejection
    // Dials that were under way at the ejection say nothing new. The dial of a probing request does.
    const probe = out?.probing !== undefined && began >= out.probing
    this.tell({ type: 'dial_failed', failure, mayEject: this.#group.mayEject(this), probe })
    if (failure?.cause === 'refused') this.depart({ type: 'refused' })
  }

  dialsAbandoned (count: number): void {
    for (let n = 0; n < count; n++) this.tell({ type: 'dial_failed', failure: undefined, mayEject: false, probe: false })
    this.poolShrank()
  }

  idleClosed ({ served, openedAt }: Connection, idleMs: number): void {
    const age = this.#group.clock() - openedAt
    this.depart({ type: 'idle_closed', nth: served, age, idleMs, usual: this.#group.usualIdle })
  }

  certificateShown (end: number): void {
    this.certificateEnd = end
  }

  poolShrank (): void {
    if (this.#life.state === 'leaving') this.#group.shrank(this)
  }
}
