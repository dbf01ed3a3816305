import type { IncomingHttpHeaders } from 'node:http'
import type { Connection, ConnectionPool } from '../connection/connection.js'
import { wasRefused } from '../connection/dial.js'
import type { Failure } from '../connection/exchange.js'
import { redialDelay } from '../connection/redial.js'
import type { Seeker } from '../connection/seeker.js'
import type { HoldfastError } from '../errors.js'
import { firstValue } from '../http/headers.js'
import { addressKey, bondOf, headerKey } from './affinity.js'
import type { Bond } from './affinity.js'
import { takesBound } from './choice-set.js'
import { setCookie } from './cookie.js'
import type { Endpoint } from './endpoint.js'
import type { Endpoints } from './endpoints.js'
import { exchangeEvidence, statusEvidence } from './evidence.js'
import type { FailedRequest } from './evidence.js'
import { isAtHome, isMark } from './leaving-evidence.js'
import { retryAfterMs } from './retry-after.js'
import { afterFailedDial, decideElsewhere } from './retry-elsewhere.js'
import type { ElsewhereDecision } from './retry-elsewhere.js'

/** What is asked of a request about where it may go. */
export interface PlacedRequest {
  readonly method: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  /** The endpoint that it was sent to by name. */
  readonly pinned?: string | undefined
  /** Its client; undefined where a program has sent it. */
  readonly asker?: { readonly ip: string, readonly headers: IncomingHttpHeaders } | undefined
}

/** How a response begins, as far as it speaks for or against its endpoint. */
export interface ResponseBeginning {
  readonly status: number
  /** The value of its `Retry-After`. */
  readonly retryAfter: string | undefined
  /** Whether it announces that its connection is kept. */
  readonly persistent: boolean
  /** Whether its connection had to close here: by `Keep-Alive: max=`, by the gateway's limits, or since the gateway has asked for it. */
  readonly expectedClose: boolean
  readonly withBody: boolean
  readonly requestWritten: boolean
}

/** What is known of a request whose attempt has failed. */
interface RetryEvidence {
  readonly clientGone: boolean
  readonly idempotent: boolean
  readonly replayable: boolean
  readonly retried: boolean
}

interface FirstFailure {
  readonly endpoint: Endpoint
  readonly failure: Failure
  readonly began: number
  readonly requestWritten: boolean
  /** Whether it was to find out if the endpoint serves again. */
  readonly probe: boolean
}

/**
 * Where one request goes among the endpoints of its target, and what it has seen of them. It tells each endpoint what speaks for or against
 * it, when that is known: a failure that was sent again speaks when the other endpoint has answered, or failed too.
 */
export class Placement implements Seeker {
  readonly #endpoints: Endpoints
  readonly #request: PlacedRequest
  /** Whether it may be sent again, so that it may find out whether an endpoint serves. */
  readonly #repeatable: boolean
  readonly #tunnels: boolean
  #endpoint: Endpoint | undefined
  /** The only endpoint that it may go to. */
  #bound: Endpoint | undefined
  /** Endpoints that have failed it. */
  #tried: Endpoint[] = []
  #bond: Bond | undefined
  #key: string | undefined
  /** The endpoint of which it finds out whether it serves again. */
  #probes: Endpoint | undefined
  /** Since when it has dialled in vain; 0 before that. */
  #dialsSince = 0
  #dialsOnce = false
  #first: FirstFailure | undefined
  #begun = false

  constructor (endpoints: Endpoints, request: PlacedRequest, { repeatable, tunnels }: { repeatable: boolean, tunnels: boolean }) {
    this.#endpoints = endpoints
    this.#request = request
    this.#repeatable = repeatable
    this.#tunnels = tunnels
  }

  /** Where the request is, or where it dials. */
  get endpoint (): Endpoint | undefined { return this.#endpoint }
  /** Whether it finds out if its endpoint serves again. It takes a fresh connection then. */
  get probes (): boolean { return this.#probes !== undefined }
  get free (): boolean { return this.#bound === undefined && this.#tried.length === 0 && !this.#tunnels }
  /** Whether it asks for a tunnel, and each endpoint that it may have has as many as it may have. */
  get outOfTunnels (): boolean {
    const { members } = this.#endpoints.choice.roster
    return this.#tunnels && members.length > 0 && members.every(member => !this.#hasRoomForTunnel(member))
  }

  /** Call this before the first attempt. `choose` does. */
  begin (now: number): void {
    if (this.#begun) return
    this.#begun = true
    this.#endpoints.budget.requested(now)
    const { pinned, headers, asker } = this.#request
    if (pinned !== undefined) {
      this.#bound = this.#endpoints.byAddress(pinned)
      return
    }
    const { options: { affinity }, sealed, choice } = this.#endpoints
    if (affinity === undefined) return
    if ('header' in affinity) {
      const { header } = affinity
      this.#key = headerKey(asker === undefined ? firstValue(headers, header) : asker.headers[header])
    } else if ('ip' in affinity) this.#key = addressKey(asker?.ip)
    else {
      const cookie = asker === undefined ? firstValue(headers, 'cookie') : asker.headers.cookie
      this.#bond = bondOf(cookie, affinity.cookie, sealed!, id => this.#endpoints.byId(id) !== undefined)
      const endpoint = this.#bond && this.#endpoints.byId(this.#bond.id)
      if (endpoint !== undefined && takesBound(endpoint, choice.fitness)) this.#bound = endpoint
    }
  }

  /** Chooses an endpoint for an attempt; undefined where none has room, or there is none. */
  choose (now: number): Endpoint | undefined {
    this.begin(now)
    const pinned = this.#request.pinned !== undefined
    const endpoint = this.#bound ?? (pinned ? undefined : this.#due(now) ?? this.#pick(now))
    this.#move(endpoint)
    return endpoint
  }

  /** Its next dial is not repeated. @param endpoint where it dials */
  dialsOnce (endpoint: Endpoint): void {
    this.#dialsOnce = true
    this.#move(endpoint)
  }

  /** It has a connection. */
  granted ({ pool }: Connection): void {
    if (pool !== this.#endpoint?.pool) this.#move(this.#endpoints.of(pool))
  }

  /** It has left its endpoint: it has ended, or its attempt has. */
  leave (): void {
    this.#move(undefined)
  }

  /** It has ended without saying anything of an endpoint: its client has left, for example. */
  abandoned (): void {
    this.#probes?.tell({ type: 'probe_left' })
    this.#probes = undefined
    if (this.#first !== undefined) this.#judge(this.#first, 'unasked')
    this.leave()
  }

  /** The value of `Set-Cookie` that binds the client to the endpoint that has answered; undefined where it has that cookie. */
  cookie (secure: boolean): string | undefined {
    const { sealed, options: { affinity } } = this.#endpoints
    const endpoint = this.#endpoint
    if (sealed === undefined || affinity === undefined || !('cookie' in affinity) || endpoint === undefined) return undefined
    if (this.#request.pinned !== undefined || (this.#bond?.id === endpoint.id && !this.#bond.renew)) return undefined
    return setCookie(affinity.cookie, sealed.seal(endpoint.id), { secure })
  }

  // Evidence.

  /** A final response has begun. */
  responded (connection: Connection, response: ResponseBeginning): void {
    const endpoint = this.#endpoint!
    const now = this.#endpoints.clock()
    const client = this.#request.asker?.ip
    const { ejection } = this.#endpoints.options
    const statuses = ejection === false ? [] : ejection.statuses
    const evidence = statuses.length === 0 ? undefined : statusEvidence(response.status, statuses, client)
    if (evidence === undefined) {
      endpoint.answers.answered(client, now)
      endpoint.answered(connection.acquiredAt)
    } else {
      endpoint.failed(evidence, endpoint.answers.toOthers(client, now), this.#probes === endpoint)
      const ms = response.status === 503 ? retryAfterMs(response.retryAfter, this.#endpoints.wallClock) : undefined
      if (ms !== undefined && ms > 0 && this.#endpoints.mayEject(endpoint)) {
        endpoint.tell({ type: 'asked', by: 'retry_after', ms, reason: '503 with Retry-After' })
      }
    }
    this.#probes = undefined
    this.#noteDeparture(endpoint, connection, response, client, now)
    if (this.#first !== undefined) this.#judge(this.#first, 'answered')
  }

  /** Whether and where to send the request again after a failure. */
  decide (failure: Failure, evidence: RetryEvidence): ElsewhereDecision | undefined {
    const { pinned } = this.#request
    return decideElsewhere({
      ...failure,
      ...evidence,
      another: pinned === undefined && this.#endpoints.choice.another([this.#endpoint!]),
      bound: this.#bound !== undefined,
      affordable: this.#endpoints.budget.affords(this.#endpoints.clock())
    })
  }

  /** The attempt has failed. @param decision where it is sent again; undefined: nowhere */
  failed (connection: Connection, failure: Failure, requestWritten: boolean, decision: ElsewhereDecision | undefined): void {
    const endpoint = this.#endpoint!
    const first: FirstFailure = { endpoint, failure, began: connection.acquiredAt, requestWritten, probe: this.#probes === endpoint }
    if (decision === undefined) {
      if (this.#first === undefined) this.#judge(first, 'unasked')
      else this.#judge(this.#first, 'failed')
      return this.leave()
    }
    if (decision.budgeted) this.#endpoints.budget.retried(this.#endpoints.clock())
    if (decision.place === 'here') {
      // A stale connection is no fault of its endpoint.
      this.#bound = endpoint
      this.abandoned()
      return
    }
    this.#first = first
    this.#probes = undefined
    this.#tried = [endpoint]
    this.#bound = undefined
    this.leave()
  }

  // Called while the request waits.

  takes (pool: ConnectionPool): boolean {
    const endpoint = this.#endpoint
    if (this.#bound !== undefined) return pool === this.#bound.pool
    const stays = this.#key !== undefined || this.#probes !== undefined
    if (endpoint !== undefined && (stays || pool === endpoint.pool)) return pool === endpoint.pool
    const other = this.#endpoints.of(pool)
    return this.#endpoints.choice.roster.has(other) && !this.#tried.includes(other) && (!this.#tunnels || this.#hasRoomForTunnel(other))
  }

  next (): ConnectionPool | undefined {
    const bound = this.#bound
    if (bound !== undefined && (this.#request.pinned !== undefined || takesBound(bound, this.#endpoints.choice.fitness))) return bound.pool
    this.#bound = undefined
    const endpoint = this.#endpoint
    const { roster } = this.#endpoints.choice
    if (endpoint !== undefined && !endpoint.full && !this.#tried.includes(endpoint) && roster.has(endpoint)) return endpoint.pool
    const picked = this.#pick(this.#endpoints.clock())
    if (picked !== undefined) this.#move(picked)
    return picked?.pool
  }

  dialFailed (pool: ConnectionPool, error: HoldfastError, began: number): number | undefined {
    const endpoints = this.#endpoints
    const now = endpoints.clock()
    this.#probes = undefined
    if (this.#dialsSince === 0) this.#dialsSince = began
    if (this.#dialsOnce) return undefined
    this.#tried.push(endpoints.of(pool))
    const pinned = this.#request.pinned !== undefined
    // What is bound by a cookie goes elsewhere, and is bound anew.
    if (!pinned) this.#bound = undefined
    const { connectRetry } = endpoints.options.pool
    const another = !pinned && endpoints.choice.another(this.#tried)
    const dial = { tried: this.#tried.length, another, refused: wasRefused(error), since: this.#dialsSince }
    const next = afterFailedDial(dial, now, connectRetry)
    if (next === 'give-up') return undefined
    if (next === 'elsewhere') {
      this.leave()
      return 0
    }
    // A request that a fresh connection has lost is not sent to the same endpoint again.
    this.#tried = this.#first === undefined || this.#first.failure.reused ? [] : [this.#first.endpoint]
    return this.#tried.length > 0 && !endpoints.choice.another(this.#tried) ? undefined : redialDelay()
  }

  /** An endpoint that is to be probed by a request. */
  #due (now: number): Endpoint | undefined {
    const endpoints = this.#endpoints
    if (now < endpoints.dueAt) return undefined
    const isFirst = this.#tried.length === 0 && this.#first === undefined
    const canProbe = this.#repeatable && !this.#tunnels && isFirst && endpoints.choice.another([])
    this.#probes = endpoints.due(now, canProbe)
    return this.#probes
  }

  #pick (now: number): Endpoint | undefined {
    const endpoints = this.#endpoints
    let tried = this.#tried
    let picked = endpoints.choice.pick(now, tried, this.#key)
    while (picked !== undefined && this.#tunnels && !this.#hasRoomForTunnel(picked)) {
      tried = [...tried, picked]
      picked = endpoints.choice.pick(now, tried, this.#key)
    }
    return picked
  }

  #hasRoomForTunnel ({ pool }: Endpoint): boolean {
    return pool.upgraded.size < this.#endpoints.options.pool.maxUpgraded
  }

  #move (to: Endpoint | undefined): void {
    const from = this.#endpoint
    if (from === to) return
    const { roster } = this.#endpoints.choice
    this.#endpoint = to
    if (to !== undefined) {
      to.outstanding++
      roster.began(to)
    }
    if (from === undefined) return
    from.outstanding--
    roster.ended(from)
    from.poolShrank()
  }

  #judge ({ endpoint, failure, began, requestWritten, probe }: FirstFailure, elsewhere: FailedRequest['elsewhere']): void {
    this.#first = undefined
    const client = this.#request.asker?.ip
    this.#probes = undefined
    const evidence = exchangeEvidence(failure, { client, began, requestWritten, elsewhere }, endpoint.answers.last)
    if (evidence !== undefined) endpoint.failed(evidence, endpoint.answers.toOthers(client, this.#endpoints.clock()), probe)
    else if (probe) endpoint.tell({ type: 'probe_left' })
  }

  #noteDeparture (endpoint: Endpoint, connection: Connection, response: ResponseBeginning, client: string | undefined, now: number): void {
    if (response.persistent) {
      if (!isAtHome(endpoint.departure)) endpoint.depart({ type: 'kept', opened: connection.openedAt, began: connection.acquiredAt })
      return
    }
    const nth = connection.served + 1
    const mark = isMark({
      method: this.#request.method,
      status: response.status,
      withBody: response.withBody,
      nth,
      requestSent: response.requestWritten,
      clientGone: false,
      upgraded: false,
      asked: false,
      expected: response.expectedClose,
      persistent: endpoint.persistence === 'persistent'
    })
    if (!mark) return
    const age = now - connection.openedAt
    endpoint.depart({ type: 'marked', nth, age, client, others: endpoint.answers.toOthers(client, now) })
  }
}
