import type { DiscoveryView } from '../../src/discovery/discovery.js'
import { readGivenList } from '../../src/discovery/given-list.js'
import type { GivenEndpoint } from '../../src/options/upstream-option.js'
import { addressId } from '../../src/discovery/source.js'
import { endpointId } from '../../src/endpoint/endpoint-id.js'
import { HoldfastError, optionError } from '../../src/errors.js'
import type { EndpointChange, EndpointSnapshot, EndpointState, TargetEndpoints, TargetSnapshot } from '../../src/index.js'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import { TargetRegistry } from '../../src/target/registry.js'
import type { Target } from '../../src/target/target.js'

type Changes = { -readonly [Key in keyof EndpointSnapshot]?: EndpointSnapshot[Key] }

/** An endpoint that is up and idle, with these differences. */
export function endpointOf (address: string, changes: Changes = {}): EndpointSnapshot {
  return {
    id: endpointId(address), address, state: 'up', drained: false, refusing: false, since: Date.now(), cause: 'it has answered', weight: 1, priority: 0,
    zone: undefined, persistence: 'persistent', connections: { active: 0, idle: 0, connecting: 0, upgraded: 0 }, requests: 0, failures: 0, exchangeMs: 0,
    ...changes
  }
}

/** The endpoints of a target that serves no requests. It does what it is told, and tells each change. */
export class FakeEndpoints implements TargetEndpoints {
  /** Calls of `eject`. */
  readonly ejections: object[] = []
  onChange: (change: EndpointChange) => void = () => {}
  #list: EndpointSnapshot[]

  constructor (list: readonly EndpointSnapshot[]) {
    this.#list = [...list]
  }

  list (): EndpointSnapshot[] { return [...this.#list] }

  set (list: readonly GivenEndpoint[]): void {
    const { found } = readGivenList(list, 'endpoints', 'http:')
    if (found.length === 0) throw optionError('endpoints', list, 'is empty; give one endpoint at least')
    this.#list = found.map(({ host, port, weight, priority }) => endpointOf(addressId(host, port ?? 80), { weight, priority }))
  }

  drain (endpoint: string): void { this.#become(endpoint, 'leaving', 'an operator drains it') }
  undrain (endpoint: string): void { this.#become(endpoint, 'up', 'an operator undrains it') }
  restore (endpoint: string): void { this.#become(endpoint, 'up', 'an operator restores it') }

  eject (endpoint: string, options: { ms?: number | undefined, cause?: string | undefined } = {}): void {
    this.#become(endpoint, 'ejected', options.cause ?? 'an operator ejects it')
    this.ejections.push(options)
  }

  /** Changes an endpoint as traffic would. */
  change (endpoint: string, changes: Changes): void {
    this.#list[this.#indexOf(endpoint)] = { ...this.#list[this.#indexOf(endpoint)]!, ...changes }
  }

  remove (endpoint: string): void {
    this.#list.splice(this.#indexOf(endpoint), 1)
  }

  #become (endpoint: string, to: EndpointState, cause: string): void {
    const { id, address, state: from } = this.#list[this.#indexOf(endpoint)]!
    this.change(id, { state: to, cause, since: Date.now() })
    this.onChange({ endpoint: id, address, from, to, cause, ...to === 'ejected' && { ejectedBy: 'operator' } })
  }

  #indexOf (given: string): number {
    const index = this.#list.findIndex(({ id, address }) => id === given || address === given)
    if (index === -1) throw new HoldfastError('HOLDFAST_ERR_UNKNOWN_ENDPOINT')
    return index
  }
}

/** A target whose endpoints a test decides. */
export interface FakeTarget {
  readonly name: string
  readonly endpoints: FakeEndpoints
  discovery: DiscoveryView | undefined
  /** Added to the target's own figures. */
  changes: Partial<TargetSnapshot>
}

/** Gives a target endpoints that a test decides. What they change, the registry's observers are told. */
export function fakeEndpoints (registry: TargetRegistry, target: Target, list: readonly EndpointSnapshot[]): FakeTarget {
  const { name } = target
  const fake: FakeTarget = { name, endpoints: new FakeEndpoints(list), discovery: undefined, changes: {} }
  fake.endpoints.onChange = change => registry.observers.endpointChanged(name, change)
  const snapshot = target.snapshot.bind(target)
  Object.defineProperties(target, {
    endpoints: { value: fake.endpoints },
    snapshot: { value: (): TargetSnapshot => ({ ...snapshot(), endpoints: fake.endpoints.list(), discovery: fake.discovery, ...fake.changes }) }
  } satisfies Partial<Record<keyof Target, PropertyDescriptor>>)
  return fake
}

/** A registry of such targets, without an app. */
export function fakeFleet (lists: Readonly<Record<string, readonly EndpointSnapshot[]>>): { registry: TargetRegistry, targets: FakeTarget[] } {
  const registry = new TargetRegistry({ maxDynamicTargets: 1, onObserverError: error => { throw error } })
  const targets = Object.entries(lists).map(([name, list]) => {
    const target = registry.declare({ origin: new URL('http://users.internal'), options: resolveTargetOptions({}, {}), prefix: `/${name}`, name })
    return fakeEndpoints(registry, target, list)
  })
  return { registry, targets }
}
