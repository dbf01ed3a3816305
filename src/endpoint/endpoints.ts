import type { ConnectionObserver, Persistence } from '../connection/observer.js'
import { createDialer } from '../connection/dial.js'
import type { Dialer } from '../connection/dial.js'
import { sharedLookup } from '../connection/lookup.js'
import type { ConnectionPool } from '../connection/connection.js'
import type { Pools } from '../connection/pools.js'
import { Discovery } from '../discovery/discovery.js'
import type { DiscoveryView } from '../discovery/discovery.js'
import type { EndpointsPlan } from '../discovery/endpoints-plan.js'
import type { Report } from '../discovery/reports.js'
import { sourceOfPlan } from '../discovery/source-of-plan.js'
import { addressId, addressOf } from '../discovery/source.js'
import type { Found, Source } from '../discovery/source.js'
import { SYSTEM_TIMING } from '../discovery/timing.js'
import { HoldfastError } from '../errors.js'
import { defaultPort } from '../http/url-port.js'
import type { ResolvedTargetOptions, ResolvedUndiciOptions } from '../options/target-options.js'
import { mayEject } from './choice-set.js'
import { Choice } from './choice.js'
import { probeDue, probeDueAt, probesBy } from './ejection.js'
import type { EjectionSettings } from './ejection.js'
import { EndpointPersistence } from './endpoint-persistence.js'
import { Endpoint } from './endpoint.js'
import type { EndpointGroup } from './endpoint.js'
import { endpointId } from './endpoint-id.js'
import type { EndpointLife } from './endpoint-state.js'
import { HealthChecks } from './health-checks.js'
import { WITHOUT_EJECTION } from './health.js'
import type { HealthSettings } from './health.js'
import { showsSigns, trialDue } from './leaving-evidence.js'
import { probingDialDue, probingDialDueAt } from './refusal.js'
import { RetryBudget } from './retry-budget.js'
import { SealedEndpoints } from './sealed-endpoint.js'
import { seededRandom } from './seeded-random.js'

/** What a target's endpoints need from it. */
export interface EndpointsContext {
  readonly name: string
  readonly origin: URL
  readonly options: ResolvedTargetOptions
  readonly observers: Required<ConnectionObserver>
  readonly pools: Pools
  readonly belief: { readonly usualIdle: number }
  /** In ms since 1970. */
  readonly wallClock: () => number
  /** What discovery has to say, for the log. */
  discoveryReported (report: Report): void
}

/** A target's endpoints: which there are, which one a request gets, and what is due of them. */
export class Endpoints implements EndpointGroup {
  readonly clock: () => number
  readonly random: () => number
  readonly healthSettings: HealthSettings
  readonly choice: Choice
  readonly budget = new RetryBudget()
  /** Names endpoints in cookies; undefined without affinity by cookie. */
  readonly sealed: SealedEndpoints | undefined
  readonly #context: EndpointsContext
  readonly #ejection: EjectionSettings & { readonly maxEjected: number }
  readonly #checks: HealthChecks | undefined
  readonly #byPool = new Map<ConnectionPool, Endpoint>()
  readonly #byId = new Map<string, Endpoint>()
  readonly #byAddress = new Map<string, Endpoint>()
  #members: Endpoint[] = []
  #only: Endpoint | undefined
  /** How many lists are being taken. */
  #taking = 0
  #dueAt = Infinity
  #discovery: Discovery | undefined
  /** Whether discovery has had neither an answer nor a failure. */
  #pending = false
  #stopped = false
  /** How many lists were taken: an observer may give another one while a list is taken. */
  #lists = 0
  /** Endpoints whose last idle connections are being closed. */
  readonly #ending = new Set<Endpoint>()

  constructor (context: EndpointsContext, clock: () => number) {
    this.#context = context
    this.clock = clock
    this.random = seededRandom(Math.floor(Math.random() * 2 ** 32))
    const { ejection, healthCheck, affinity } = context.options
    this.#ejection = ejection === false ? WITHOUT_EJECTION : ejection
    this.healthSettings = { ejection: this.#ejection, check: healthCheck }
    this.choice = new Choice(this)
    if (affinity !== undefined && 'cookie' in affinity) this.sealed = new SealedEndpoints(affinity.secret, affinity.cookie)
    if (healthCheck !== undefined) {
      const ask = { ...healthCheck, origin: context.origin }
      this.#checks = new HealthChecks(ask, clock)
    }
  }

  /** The endpoint of a target that has one, and never another. */
  get only (): Endpoint | undefined { return this.#only }
  get several (): boolean { return this.#only === undefined }
  get all (): readonly Endpoint[] { return this.#members }
  /** What is believed of the target: persistent while one of its endpoints is. */
  get persistence (): Persistence {
    const only = this.#only
    if (only !== undefined) return only.persistence
    let found: Persistence = 'non-persistent'
    for (const { persistence } of this.#members) {
      if (persistence === 'persistent') return persistence
      if (persistence === 'trial') found = persistence
    }
    return this.#members.length === 0 ? 'persistent' : found
  }

  /** From when on something is due: a probing dial, or a probing request. */
  get dueAt (): number { return this.#dueAt }
  /** Whether nothing is known yet. */
  get pending (): boolean { return this.#pending }
  get wallClock (): number { return this.#context.wallClock() }
  get crowded (): boolean { return this.#context.pools.full && this.choice.hasIdle }
  get usualIdle (): number { return this.#context.belief.usualIdle }
  get options (): ResolvedTargetOptions { return this.#context.options }

  /** Begins to find endpoints. Throws HOLDFAST_ERR_OPTION where a dialer or a source cannot be made. */
  start (plan: EndpointsPlan): void {
    if (plan.kind === 'origin') {
      const { origin, options } = this.#context
      const address = options.undiciOptions.socketPath ?? addressOf(origin)
      this.#only = this.#add(undefined, address, 'the target\'s origin')
      this.#refill()
    } else if (plan.kind === 'list') {
      this.#use(plan.found, 'listed')
    } else {
      this.#discover(sourceOfPlan(plan, this.#context.origin, this.options.discovery, sharedLookup))
    }
  }

  /** Ends timers and discovery. */
  stop (): void {
    this.#stopped = true
    this.#lists++
    this.#discovery?.stop()
    this.#checks?.stop()
  }

  /** Takes a list in place of discovery, or of the list before. */
  set (found: readonly Found[]): void {
    this.#discovery?.stop()
    this.#discovery = undefined
    this.#pending = false
    const only = this.#only
    this.#only = undefined
    if (only !== undefined) only.found ??= found.find(({ id }) => id === only.address)
    this.#use(found, 'set by an operator')
  }

  of (pool: ConnectionPool): Endpoint {
    return this.#byPool.get(pool)!
  }

  byId (id: string): Endpoint | undefined {
    return this.#byId.get(id)
  }

  byAddress (address: string): Endpoint | undefined {
    return this.#byAddress.get(address)
  }

  /** @param named an id or an address. Throws HOLDFAST_ERR_UNKNOWN_ENDPOINT */
  named (named: string): Endpoint {
    const endpoint = this.#byId.get(named) ?? this.#byAddress.get(named)
    if (endpoint === undefined) throw new HoldfastError('HOLDFAST_ERR_UNKNOWN_ENDPOINT')
    return endpoint
  }

  discovery (): DiscoveryView | undefined {
    return this.#discovery?.view()
  }

  /** The error of a request for which there is no endpoint, with what discovery has to say of it. */
  noEndpoint (): HoldfastError {
    const fault = this.discovery()?.fault
    return new HoldfastError('HOLDFAST_ERR_NO_ENDPOINT', fault === undefined ? {} : { cause: new Error(fault.message) })
  }

  /**
   * Begins the probing dials that are due. Returns an endpoint that is to be given one request to find out whether it serves again.
   *
   * @param canProbe whether the caller has a request for that: it may fail, so it has to be one that can be sent again
   */
  due (now: number, canProbe: boolean): Endpoint | undefined {
    let found: Endpoint | undefined
    for (const endpoint of this.#members) {
      const { health, life } = endpoint
      if (isSentAway(life)) continue
      if (probingDialDue(health.refusal, now) && this.choice.fitness !== 'refusing') this.#context.pools.probe(endpoint.pool)
      else if (health.ejection.out !== undefined && life.state === 'ejected' && probeDue(health.ejection, now, this.#ejection)) {
        if (probesBy(health.ejection.out) === 'request') {
          found ??= endpoint
          continue
        }
        endpoint.tell({ type: 'probe_begun' })
        this.#context.pools.probe(endpoint.pool)
      } else if (trialDue(endpoint.departure, now) && !endpoint.refusing) found ??= endpoint
    }
    if (found === undefined || canProbe) this.#lookForDue()
    if (found === undefined || !canProbe) return undefined
    if (found.health.ejection.out !== undefined) found.tell({ type: 'probe_begun' })
    else found.depart({ type: 'trial_begun' })
    return found
  }

  // Called by operators.

  drain (endpoint: Endpoint): void {
    endpoint.live({ type: 'leave', by: 'operator', cause: 'drained by an operator' })
    this.shrank(endpoint)
  }

  undrain (endpoint: Endpoint): void {
    endpoint.forgetDeparture()
    endpoint.live({ type: 'stay', by: 'operator', cause: 'undrained by an operator' })
  }

  eject (endpoint: Endpoint, ms: number, cause: string): void {
    endpoint.tell({ type: 'asked', by: 'operator', ms, reason: cause })
  }

  restore (endpoint: Endpoint): void {
    endpoint.tell({ type: 'lifted' })
  }

  /** The dialer of an endpoint under other options. Throws HOLDFAST_ERR_OPTION. */
  dialerOf ({ found }: Pick<Endpoint, 'found'>, options: ResolvedUndiciOptions): Dialer {
    return createDialer(this.#context.origin, options, this.clock, found)
  }

  // Called by endpoints.

  mayEject (endpoint: Endpoint): boolean {
    return this.several && mayEject(this.#members, endpoint, this.#ejection.maxEjected)
  }

  othersShowSigns (endpoint: Endpoint): boolean {
    const now = this.clock()
    return this.#members.some(other => other !== endpoint && other.life.state !== 'leaving' && showsSigns(other.departure, now))
  }

  lifeChanged (endpoint: Endpoint, before: EndpointLife): void {
    const { state, cause } = endpoint.life
    if (state !== 'gone') endpoint.drained = false
    const serves = state === 'joining' || state === 'up'
    if (serves && before.state !== 'joining') endpoint.slowFrom = this.clock()
    this.#choose()
    // The first answer of an endpoint that is alone is no news.
    if (this.several || state !== 'up' || before.state !== 'joining') {
      const { id, address, health: { ejection: { out } } } = endpoint
      const change = { endpoint: id, address, from: before.state, to: state, cause }
      const ejectedBy = state === 'ejected' && out !== undefined ? { ejectedBy: out.cause } : undefined
      this.#context.observers.endpointChanged(this.#context.name, { ...change, ...ejectedBy })
    }
    // Later, since an endpoint whose last connection closes may be gone by that.
    this.#closeLeft()
    if (serves) this.#context.pools.fill()
    else if (state === 'leaving') this.shrank(endpoint)
    // A dial tells whether it has been stopped, or goes on and loses what it gets.
    else if (state === 'ejected' && endpoint.health.ejection.out?.cause === 'lost') this.#context.pools.probe(endpoint.pool)
  }

  changed (choice: boolean): void {
    if (choice) this.#refill()
    else this.#lookForDue()
  }

  dialsChanged ({ id, address, found, listed }: Endpoint, refused: boolean): void {
    const { name, observers } = this.#context
    if (this.several) observers.endpointRefusing(name, id, address, refused)
    if (found === undefined || !listed) return
    if (refused) this.#discovery?.refuses(found.id)
    else this.#discovery?.serves(found.id)
  }

  shrank (endpoint: Endpoint): void {
    if (endpoint.life.state !== 'leaving' || !endpoint.unused) return
    if (!endpoint.drained) {
      endpoint.drained = true
      this.#context.observers.endpointDrained(this.#context.name, endpoint.id, endpoint.address)
    }
    if (!this.#isDone(endpoint) || this.#ending.has(endpoint)) return
    // First, since an observer of the closes may list it again.
    this.#ending.add(endpoint)
    this.#context.pools.evict('endpoint_gone', Infinity, endpoint.pool)
    this.#ending.delete(endpoint)
    if (this.#isDone(endpoint)) this.#remove(endpoint)
  }

  #isDone (endpoint: Endpoint): boolean {
    return endpoint.life.state === 'leaving' && !endpoint.listed && endpoint.unused && this.#byPool.has(endpoint.pool)
  }

  #discover (source: Source): void {
    const { hold } = this.options.discovery
    const discovery = this.#discovery = new Discovery({ source, timing: { ...SYSTEM_TIMING, clock: this.clock }, hold })
    this.#pending = true
    discovery.start({
      changed: found => {
        this.#pending = false
        this.#use(found, 'found by discovery')
        this.#refuseIfNone()
      },
      reported: report => {
        if (report.type === 'fault' && this.#pending) {
          this.#pending = false
          this.#refuseIfNone()
        }
        this.#context.discoveryReported(report)
      }
    })
  }

  #refuseIfNone (): void {
    if (this.#members.length === 0) this.#context.pools.refuseQueued(() => this.noEndpoint())
  }

  #use (found: readonly Found[], cause: string): void {
    if (this.#stopped) return
    this.#taking++
    try {
      this.#take(found, cause)
    } finally {
      this.#taking--
    }
    if (this.#taking > 0) return
    this.#refill()
    this.#context.pools.fill()
  }

  #take (found: readonly Found[], cause: string): void {
    const list = ++this.#lists
    // An observer may give another list meanwhile, or close the target. That holds then.
    const holds = (): boolean => list === this.#lists
    const listed = new Map(found.map(one => [one.id, one]))
    const first = this.#members.length === 0
    for (const endpoint of [...this.#members]) {
      const one = listedAs(endpoint, listed)
      endpoint.listed = one !== undefined
      if (one === undefined) endpoint.live({ type: 'leave', by: 'discovery', cause: 'no longer listed' })
      else {
        listed.delete(one.id)
        const dialsOtherwise = String(one.otherHosts) !== String(endpoint.found?.otherHosts)
        endpoint.found = one
        if (dialsOtherwise) {
          endpoint.dialer = this.dialerOf(endpoint, this.options.undiciOptions)
          endpoint.pool.dialBy(endpoint.dialer)
        }
        endpoint.weight = one.weight
        endpoint.priority = one.priority
        if (one.leaving) endpoint.live({ type: 'leave', by: 'discovery', cause: 'discovery says that it shuts down' })
        else endpoint.live({ type: 'stay', by: 'discovery', cause: 'listed again' })
      }
      this.shrank(endpoint)
      if (!holds()) break
    }
    for (const one of holds() ? listed.values() : []) {
      const endpoint = this.#add(one, addressId(one.host, one.port ?? defaultPort(this.#context.origin.protocol)), cause)
      if (!first) endpoint.slowFrom = this.clock()
      if (!holds()) break
      if (one.leaving) endpoint.live({ type: 'leave', by: 'discovery', cause: 'discovery says that it shuts down' })
    }
  }

  #add (found: Found | undefined, address: string, cause: string): Endpoint {
    const { options, pools, name, observers } = this.#context
    const { undiciOptions, healthCheck } = options
    const ids = this.#idsOf(found?.id ?? address)
    const dialer = this.dialerOf({ found }, undiciOptions)
    const endpoint = new Endpoint(this, {
      id: ids[0]!,
      address,
      found,
      dialer,
      kept: new EndpointPersistence(options, this.clock),
      awaitsCheck: healthCheck !== undefined,
      cause
    })
    endpoint.pool = pools.add(endpoint, dialer)
    this.#members.push(endpoint)
    this.#byPool.set(endpoint.pool, endpoint)
    for (const id of ids) this.#byId.set(id, endpoint)
    this.#byAddress.set(endpoint.address, endpoint)
    this.#checks?.add(endpoint)
    const change = { endpoint: endpoint.id, address, from: undefined, to: 'joining', cause } as const
    if (found !== undefined) observers.endpointChanged(name, change)
    return endpoint
  }

  #remove (endpoint: Endpoint): void {
    const { pool, address } = endpoint
    this.#byPool.delete(pool)
    // A dial may be ending, of which observers are being told.
    endpoint.closesReturned = true
    this.#context.pools.remove(pool)
    this.#checks?.remove(endpoint)
    this.#members = this.#members.filter(other => other !== endpoint)
    for (const id of this.#idsOf(endpoint.found?.id ?? address)) {
      if (this.#byId.get(id) === endpoint) this.#byId.delete(id)
      this.sealed?.forget(id)
    }
    if (this.#byAddress.get(address) === endpoint) this.#byAddress.delete(address)
    endpoint.live({ type: 'finished', cause: 'no longer listed, and nothing of it is left' })
  }

  /** The id of an endpoint by the first secret, and those by the others: cookies from before a rotation of secrets have one of these. */
  #idsOf (key: string): readonly string[] {
    const { affinity } = this.options
    if (affinity === undefined || !('cookie' in affinity)) return [endpointId(key)]
    return affinity.secret.map(secret => endpointId(key, secret))
  }

  #refill (): void {
    this.#choose()
    this.#closeLeft()
  }

  #choose (): void {
    this.choice.changed()
    this.#lookForDue()
  }

  /** Closes what is idle at endpoints that take no more requests. While a list is taken, that is done once, at its end. */
  #closeLeft (): void {
    if (this.#taking > 0) return
    // While the only endpoints that serve are leaving, they keep their connections; with affinity, for the requests that are bound to them.
    const keepsLeaving = this.choice.fitness === 'leaving' || this.sealed !== undefined
    for (const endpoint of this.#members) {
      const closes = endpoint.life.state === 'gone' || (endpoint.life.state === 'leaving' && !keepsLeaving)
      if (closes === endpoint.closesReturned) continue
      endpoint.closesReturned = closes
      if (closes) this.#context.pools.evict('endpoint_gone', Infinity, endpoint.pool)
    }
  }

  #lookForDue (): void {
    if (this.#taking > 0) return
    let dueAt = Infinity
    for (const { health: { ejection, refusal }, departure, life } of this.#members) {
      if (isSentAway(life)) continue
      dueAt = Math.min(dueAt, probingDialDueAt(refusal))
      if (life.state === 'ejected') dueAt = Math.min(dueAt, probeDueAt(ejection, this.#ejection))
      if (departure.leaving !== undefined) dueAt = Math.min(dueAt, departure.leaving.trialAt)
    }
    this.#dueAt = dueAt
  }
}

/** A pod keeps its id when it gets another address. As nothing of the old address serves the new one, that is another endpoint. */
function listedAs ({ found }: Endpoint, listed: ReadonlyMap<string, Found>): Found | undefined {
  const one = found && listed.get(found.id)
  return one?.host === found?.host && one?.port === found?.port ? one : undefined
}

/** Whether it leaves for a reason that no answer of its own changes. */
function isSentAway ({ state, leavers }: EndpointLife): boolean {
  return state === 'gone' || leavers.some(by => by !== 'evidence')
}
