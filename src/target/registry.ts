import type { Dispatcher } from 'undici'
import { Observers } from '../connection/observer.js'
import type { ConnectionObserver } from '../connection/observer.js'
import { ORIGIN_PLAN, samePlan } from '../discovery/endpoints-plan.js'
import type { EndpointsPlan } from '../discovery/endpoints-plan.js'
import type { Report } from '../discovery/reports.js'
import { HoldfastError, optionError } from '../errors.js'
import { sameTargetOptions } from '../options/target-options.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import { OriginDispatcher } from './origin-dispatcher.js'
import { ProvenanceRecord } from './provenance.js'
import { TargetCore } from './target-core.js'
import { Target, internalsOf } from './target.js'
import type { Tracing } from './tracing.js'

/** The target that a route declares. */
export interface TargetDeclaration {
  /** The logical origin of all its endpoints. */
  readonly origin: URL
  readonly options: ResolvedTargetOptions
  /** How its endpoints are found; undefined: the one endpoint is the origin. */
  readonly plan?: EndpointsPlan | undefined
  /** The route's prefix. It becomes a part of the name of a second target with the same origin. */
  readonly prefix: string
  /** The name that the route's options give. */
  readonly name?: string | undefined
}

// The name that observers get for a target that was not made. The metrics count all dynamic targets under it.
const REFUSED = 'dynamic'

type Choices = Map<string, Target>

/** An app's targets. Iterates over them; `get` finds one by name. */
export class TargetRegistry implements Iterable<Target> {
  readonly observers: Observers
  /** A dispatcher over all targets: the request's origin chooses one. Fails with HOLDFAST_ERR_UNKNOWN_TARGET for any other origin. */
  readonly dispatcher: Dispatcher
  readonly #targets = new Map<string, Target>()
  readonly #plans = new WeakMap<Target, EndpointsPlan>()
  /** The targets that a route has chosen before, by origin. Its options are one object for all its requests, and stand for the route. */
  readonly #chosen = new WeakMap<ResolvedTargetOptions, Choices>()
  /** Targets that were made because getUpstream chose them, least recently used first, each with the routes' choices that it is in. */
  readonly #dynamic = new Map<Target, Set<Choices>>()
  readonly #dynamicNames = new Set<string>()
  readonly #clock: () => number
  readonly #onDiscovery: (target: string, report: Report) => void
  #lastId = 0
  /** Set where the app traces. */
  tracing: Tracing | undefined
  maxDynamicTargets: number

  /** @param init `onDiscovery` gets what the discovery of a target's endpoints has to say */
  constructor (init: {
    maxDynamicTargets: number
    onObserverError: (error: unknown) => void
    onDiscovery?: (target: string, report: Report) => void
    clock?: () => number
  }) {
    this.observers = new Observers(init.onObserverError)
    this.maxDynamicTargets = init.maxDynamicTargets
    this.#onDiscovery = init.onDiscovery ?? (() => {})
    this.#clock = init.clock ?? (() => performance.now())
    this.dispatcher = new OriginDispatcher(origin => {
      const target = this.byOrigin(origin)
      if (target === undefined) throw new HoldfastError('HOLDFAST_ERR_UNKNOWN_TARGET')
      return target
    })
  }

  get (name: string): Target | undefined {
    return this.#targets.get(name)
  }

  /** Whether the target was made for an origin that a route chose for one request. */
  isDynamic (name: string): boolean {
    return this.#dynamicNames.has(name)
  }

  [Symbol.iterator] (): Iterator<Target> {
    return this.#targets.values()
  }

  /** Adds an observer of all connections; returns a function that removes it. */
  observe (observer: ConnectionObserver): () => void {
    return this.observers.add(observer)
  }

  /**
   * The target for a declaration: an existing one with the same origin, options and endpoints, whatever the prefix, or else a new one.
   * Throws HOLDFAST_ERR_OPTION for an explicit name that another target has.
   */
  declare (declaration: TargetDeclaration): Target {
    const { origin, prefix, name } = declaration
    if (name !== undefined) {
      const named = this.#targets.get(name)
      if (named === undefined) return this.#add(name, declaration)
      if (this.#isSame(named, declaration)) return named
      const remedy = `is declared twice with other options or endpoints (for ${named.origin}); give the second one a name of its own`
      throw optionError('target', name, remedy)
    }
    for (const target of this.#targets.values()) {
      if (this.#isSame(target, declaration)) return target
    }
    return this.#add(this.#freeName(origin.origin, prefix), declaration)
  }

  /**
   * The target for an origin that a route chose for one request. At the bound, the least recently used quiet target is closed to make room;
   * throws HOLDFAST_ERR_TOO_MANY_TARGETS where none is quiet.
   *
   * @param options the route's own. With another object each time, each request would look through all targets
   */
  dynamic (url: URL, options: ResolvedTargetOptions, prefix: string): Target {
    const { origin } = url
    const choices = this.#choicesOf(options)
    let target = choices.get(origin)
    // An operator has closed the target, and a request chooses it again.
    if (target?.closed === true && this.#dynamic.has(target)) this.#remove(target)
    if (target === undefined || target.closed) {
      target = this.#openLike(url, options) ?? this.#addDynamic({ origin: url, options, prefix })
      choices.set(origin, target)
    }
    const usedBy = this.#dynamic.get(target)
    // A declared target is never closed to make room.
    if (usedBy === undefined) return target
    this.#dynamic.delete(target)
    this.#dynamic.set(target, usedBy.add(choices))
    return target
  }

  /** The first target of an origin. One whose endpoint is the origin itself goes before others, of which it is the logical origin. */
  byOrigin (origin: string): Target | undefined {
    let found: Target | undefined
    for (const target of this.#targets.values()) {
      if (target.origin !== origin) continue
      if (this.planOf(target).kind === 'origin') return target
      found ??= target
    }
    return found
  }

  /** How a target's endpoints are found, as its route says. */
  planOf (target: Target): EndpointsPlan {
    return this.#plans.get(target) ?? ORIGIN_PLAN
  }

  /** Ends every connection at once. */
  destroy (): void {
    for (const target of this.#targets.values()) internalsOf(target).destroy()
  }

  #choicesOf (options: ResolvedTargetOptions): Choices {
    const known = this.#chosen.get(options)
    if (known !== undefined) return known
    const choices: Choices = new Map()
    this.#chosen.set(options, choices)
    return choices
  }

  #isSame (target: Target, { origin, options, plan = ORIGIN_PLAN }: Pick<TargetDeclaration, 'origin' | 'options' | 'plan'>): boolean {
    return target.origin === origin.origin && samePlan(this.planOf(target), plan) && sameTargetOptions(target.options, options)
  }

  #openLike (origin: URL, options: ResolvedTargetOptions): Target | undefined {
    for (const target of this.#targets.values()) {
      if (!target.closed && this.#isSame(target, { origin, options })) return target
    }
    return undefined
  }

  #addDynamic (declaration: TargetDeclaration): Target {
    if (this.#dynamic.size >= this.maxDynamicTargets) this.#retireOne()
    const target = this.#add(this.#freeName(declaration.origin.origin, declaration.prefix), declaration)
    this.#dynamic.set(target, new Set())
    this.#dynamicNames.add(target.name)
    return target
  }

  #retireOne (): void {
    for (const target of this.#dynamic.keys()) {
      if (internalsOf(target).quiet) return this.#remove(target)
    }
    const error = new HoldfastError('HOLDFAST_ERR_TOO_MANY_TARGETS')
    // Not by the origin: requests may choose any number of them, and what observers keep of each would not be bounded.
    this.observers.rejected(REFUSED, error.code, new ProvenanceRecord().read(REFUSED, 'persistent', error.code))
    throw error
  }

  #remove (target: Target): void {
    for (const choices of this.#dynamic.get(target) ?? []) {
      if (choices.get(target.origin) === target) choices.delete(target.origin)
    }
    this.#dynamic.delete(target)
    this.#targets.delete(target.name)
    // Until its last connection has closed, observers get events with its name and ask `isDynamic`.
    target.close(() => { if (!this.#targets.has(target.name)) this.#dynamicNames.delete(target.name) })
  }

  #freeName (origin: string, prefix: string): string {
    if (!this.#targets.has(origin)) return origin
    const base = `${origin} ${prefix}`
    let name = base
    for (let n = 2; this.#targets.has(name); n++) name = `${base} ${n}`
    return name
  }

  #add (name: string, { origin, options, plan = ORIGIN_PLAN }: TargetDeclaration): Target {
    const target = new Target(new TargetCore({
      name,
      origin,
      options,
      plan,
      observers: this.observers,
      nextId: () => ++this.#lastId,
      clock: this.#clock,
      wallClock: Date.now,
      tracing: () => this.tracing,
      discoveryReported: this.#onDiscovery
    }))
    this.#targets.set(name, target)
    this.#plans.set(target, plan)
    return target
  }
}
