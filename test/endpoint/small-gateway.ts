import type { Failure } from '../../src/connection/exchange.js'
import { Answers } from '../../src/endpoint/answers.js'
import { createBalance } from '../../src/endpoint/balance.js'
import { choiceSet, mayEject } from '../../src/endpoint/choice-set.js'
import type { Member } from '../../src/endpoint/choice-set.js'
import { probeDue } from '../../src/endpoint/ejection.js'
import { newEndpoint, nextLife } from '../../src/endpoint/endpoint-state.js'
import { dialEvidence, exchangeEvidence } from '../../src/endpoint/evidence.js'
import type { FailedRequest } from '../../src/endpoint/evidence.js'
import { isHealthy, lifeEvent, newHealth, nextHealth } from '../../src/endpoint/health.js'
import type { HealthEvent, HealthSettings } from '../../src/endpoint/health.js'
import { probingDialDue } from '../../src/endpoint/refusal.js'
import { RetryBudget } from '../../src/endpoint/retry-budget.js'
import { afterFailedDial, decideElsewhere } from '../../src/endpoint/retry-elsewhere.js'
import { Roster } from '../../src/endpoint/roster.js'
import { seededRandom } from '../../src/endpoint/seeded-random.js'
import { HoldfastError } from '../../src/errors.js'
import type { ErrorCode } from '../../src/errors.js'
import { FakeEndpoint } from './fleet.js'

export const SETTINGS = { failures: 5, time: 10_000, maxTime: 300_000 }
const HEALTH: HealthSettings = { ejection: SETTINGS, check: undefined }
const MAX_EJECTED = 0.5
const CONNECT_RETRY = 1_000
const REDIAL = 100
// Of this gateway: 1 s, so that a frozen endpoint is found within a short simulation.
const HEADERS_TIMEOUT = 1_000

/** How a backend behaves: it answers after 10 ms; nothing listens; it resets each request; it takes requests and never answers. */
export type Mode = 'answers' | 'refuses' | 'resets' | 'freezes'

/** An endpoint with all of its policies. */
export class SmallEndpoint extends FakeEndpoint implements Member {
  mode: Mode = 'answers'
  /** The part of its reused connections that it has closed when they are used. */
  stale = 0
  life = newEndpoint(0, 'listed')
  health = newHealth(0, HEALTH, 0)
  readonly answers = new Answers()
  readonly priority = 0
  ejections = 0
  /** When it was last ejected, and when it returned. */
  ejectedAt = NaN
  returnedAt = NaN

  get refusing (): boolean { return this.health.refusal.since !== undefined }
}

interface SmallRequest {
  readonly method: 'GET' | 'POST'
  readonly client: string
  tried: SmallEndpoint[]
  retried: boolean
  probe: boolean
  /** Since when it has dialled in vain. */
  since?: number
  /** Of its first attempt, if it was retried. */
  failure?: Failure
}

/** The policies of one target put together, over backends that are simulated. It stands for the connection code, which is not here. */
export class SmallGateway {
  now = 0
  readonly endpoints: SmallEndpoint[]
  readonly served = { GET: 0, POST: 0 }
  readonly lost = { GET: 0, POST: 0 }
  readonly #roster = new Roster<SmallEndpoint>()
  readonly #random = seededRandom(3)
  readonly #balance = createBalance('least-requests', this.#roster, this.#random)
  readonly #budget = new RetryBudget()
  #later: { readonly at: number, readonly run: () => void }[] = []

  constructor (count: number) {
    this.endpoints = Array.from({ length: count }, (_, n) => new SmallEndpoint(`e${n}`))
    this.#refill()
  }

  /** A request of one of 50 clients every 2 ms, one of five a POST, until `until`. */
  run (until: number): void {
    for (; this.now < until; this.now += 2) {
      const due = this.#later.filter(({ at }) => at <= this.now)
      this.#later = this.#later.filter(({ at }) => at > this.now)
      for (const { run } of due) run()
      for (const endpoint of this.endpoints) if (probingDialDue(endpoint.health.refusal, this.now)) this.#dial(endpoint, false)
      this.#budget.requested(this.now)
      const client = `client ${Math.floor(this.#random() * 50)}`
      this.#start({ method: this.now % 10 === 0 ? 'POST' : 'GET', client, tried: [], retried: false, probe: false })
    }
  }

  #start (request: SmallRequest): void {
    const probed = request.method === 'GET' && !request.retried
      ? this.endpoints.find(({ health }) => probeDue(health.ejection, this.now, SETTINGS))
      : undefined
    if (probed !== undefined) {
      this.#tell(probed, { type: 'probe_begun' })
      request.probe = true
    }
    const endpoint = probed ?? this.#balance.pick(this.now, request.tried, undefined)
    if (endpoint === undefined) this.lost[request.method]++
    else this.#attempt(request, endpoint)
  }

  #attempt (request: SmallRequest, endpoint: SmallEndpoint): void {
    const reused = endpoint.warm && !request.retried
    const isStale = reused && this.#random() < endpoint.stale
    if (!reused && !this.#dial(endpoint, request.probe)) {
      request.probe = false
      request.tried.push(endpoint)
      request.since ??= this.now
      const dial = { tried: request.tried.length, another: this.#another(request), refused: true, since: request.since }
      const next = afterFailedDial(dial, this.now, CONNECT_RETRY)
      if (next === 'elsewhere') this.#start(request)
      else if (next === 'later') this.#in(REDIAL, () => this.#start({ ...request, tried: [] }))
      else this.lost[request.method]++
      return
    }
    if (!reused && endpoint.warm) endpoint.connections++
    endpoint.begin()
    this.#roster.began(endpoint)
    const began = this.now
    const fails = (ms: number, code: ErrorCode): void => this.#in(ms, () => this.#failed(request, endpoint, began, code, reused))
    const { mode } = endpoint
    if (mode === 'answers' && !isStale) this.#in(10, () => this.#answered(request, endpoint, began))
    else if (mode === 'freezes') fails(HEADERS_TIMEOUT, 'HOLDFAST_ERR_HEADERS_TIMEOUT')
    else fails(1, 'HOLDFAST_ERR_CONNECTION_LOST')
  }

  #dial (endpoint: SmallEndpoint, probe: boolean): boolean {
    this.#tell(endpoint, { type: 'dialled' })
    const accepted = endpoint.mode !== 'refuses'
    if (accepted) this.#tell(endpoint, { type: 'connected' })
    else this.#tell(endpoint, { type: 'dial_failed', failure: dialEvidence('ECONNREFUSED'), mayEject: this.#mayEject(endpoint), probe })
    return accepted
  }

  #answered (request: SmallRequest, endpoint: SmallEndpoint, began: number): void {
    this.#end(endpoint)
    endpoint.answers.answered(request.client, this.now)
    if (!isHealthy(endpoint.health)) this.#tell(endpoint, { type: 'answered', began })
    if (endpoint.life.state === 'joining') endpoint.life = nextLife(endpoint.life, { type: 'serves', cause: 'answered' }, this.now)
    this.served[request.method]++
    const [first] = request.tried
    if (request.retried && first !== undefined) this.#judge(request, first, began, 'answered')
  }

  #failed (request: SmallRequest, endpoint: SmallEndpoint, began: number, code: ErrorCode, reused: boolean): void {
    this.#end(endpoint)
    endpoint.connections = Math.max(endpoint.outstanding, endpoint.connections - 1)
    const lost = code === 'HOLDFAST_ERR_CONNECTION_LOST'
    const error = new HoldfastError(code)
    const failure: Failure = { error, lost, reused, writeBegun: true, responseStarted: false, unusedTimeout: false }
    const safe = request.method === 'GET'
    const decision = decideElsewhere({
      ...failure,
      clientGone: false,
      idempotent: safe,
      replayable: true,
      retried: request.retried,
      another: this.#another(request),
      bound: false,
      affordable: this.#budget.affords(this.now)
    })
    if (decision !== undefined) {
      if (decision.budgeted) this.#budget.retried(this.now)
      // Judged when it is known what the other endpoint makes of the request.
      request.failure = failure
      request.tried = [endpoint]
      request.retried = true
      this.#start(request)
      return
    }
    this.lost[request.method]++
    // Both endpoints have lost a request that was retried.
    const [first] = request.tried
    if (request.retried) this.#judge(request, first!, began, 'failed')
    else this.#judge({ ...request, failure }, endpoint, began, 'unasked')
  }

  #judge ({ client, failure, probe }: SmallRequest, endpoint: SmallEndpoint, began: number, elsewhere: FailedRequest['elsewhere']): void {
    if (failure === undefined) return
    const evidence = exchangeEvidence(failure, { client, began, requestWritten: true, elsewhere }, endpoint.answers.last)
    if (evidence === undefined) {
      if (probe) this.#tell(endpoint, { type: 'probe_left' })
      return
    }
    const others = endpoint.answers.toOthers(client, this.now)
    this.#tell(endpoint, { type: 'failed', failure: evidence, others, mayEject: this.#mayEject(endpoint), probe })
  }

  #tell (endpoint: SmallEndpoint, event: HealthEvent): void {
    const before = endpoint.health
    const wasRefusing = endpoint.refusing
    endpoint.health = nextHealth(before, event, this.now, HEALTH, this.#random())
    const change = lifeEvent(before, endpoint.health)
    if (change?.type === 'ejected') {
      endpoint.ejections++
      endpoint.ejectedAt = this.now
    }
    if (change?.type === 'returned' || (wasRefusing && !endpoint.refusing)) endpoint.returnedAt = this.now
    if (change !== undefined) endpoint.life = nextLife(endpoint.life, change, this.now)
    if (change !== undefined || wasRefusing !== endpoint.refusing) this.#refill()
  }

  #refill (): void {
    this.#roster.use(choiceSet(this.endpoints).members, 0)
  }

  #another (request: SmallRequest): boolean {
    return this.#roster.members.some(member => !request.tried.includes(member))
  }

  #mayEject (endpoint: SmallEndpoint): boolean {
    return mayEject(this.endpoints, endpoint, MAX_EJECTED)
  }

  #end (endpoint: SmallEndpoint): void {
    endpoint.end()
    this.#roster.ended(endpoint)
  }

  #in (ms: number, run: () => void): void {
    this.#later.push({ at: this.now + ms, run })
  }
}
