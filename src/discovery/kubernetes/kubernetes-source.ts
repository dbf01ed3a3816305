import { Coalesced } from '../coalesced.js'
import { reachableFamilies, type Family } from '../families.js'
import { faultOf, type Answer, type DiscoveryFault, type Found, type Source, type SourceListener } from '../source.js'
import type { Timing } from '../timing.js'
import { KubernetesApi } from './api.js'
import type { KubernetesAccess } from './access.js'
import type { Followed } from './api-fault.js'
import { endpointsOfSlices, type WantedPort } from './slice-endpoints.js'
import { listSlices } from './slice-list.js'
import { SliceWatch, type Watched } from './slice-watch.js'
import type { Slice } from './slice.js'
import { FIRST_STEP, nextStep, type Outcome, type Step } from './step.js'

export interface KubernetesSourceOptions extends Followed {
  readonly port: WantedPort
  /** What the target speaks: a port whose `appProtocol` says otherwise is a fault. */
  readonly protocol: 'http:' | 'https:'
  readonly access: KubernetesAccess
  readonly timing: Timing
  /** @default those that this machine has addresses of */
  readonly families?: () => readonly Family[]
}

/** The endpoints of a Service: its EndpointSlices, by list and watch. What the API server says is whole, so what it lacks is gone. */
export class KubernetesSource implements Source {
  readonly #options: KubernetesSourceOptions
  readonly #api: KubernetesApi
  readonly #stopped = new AbortController()
  readonly #push: Coalesced
  #listener: SourceListener | undefined
  #slices = new Map<string, Slice>()

  constructor (options: KubernetesSourceOptions) {
    this.#options = options
    this.#api = new KubernetesApi(options.access, options.timing)
    this.#push = new Coalesced(options.timing, () => this.#tell())
  }

  start (listener: SourceListener): void {
    this.#listener = listener
    this.#follow().catch((error: unknown) => listener.failed(faultOf(error, 'EndpointSlices are not followed any more')))
  }

  stop (): void {
    this.#listener = undefined
    this.#push.stop()
    this.#stopped.abort()
  }

  async #follow (): Promise<void> {
    const { timing } = this.#options
    let following = FIRST_STEP
    while (!this.#stopped.signal.aborted) {
      const { outcome, failure } = await this.#do(following.step)
      // A token that was replaced is refused once, and read again.
      const isNews = outcome.type !== 'unauthorized' || following.tokenRead
      if (failure !== undefined && isNews) this.#listener?.failed(failure)
      const next = nextStep(following, outcome, timing.clock(), timing.random())
      following = next.following
      await this.#pause(next.wait)
    }
  }

  async #do (step: Step): Promise<{ outcome: Outcome, failure?: DiscoveryFault }> {
    try {
      const { outcome, failure } = step.type === 'list' ? await this.#list(step) : await this.#watch(step)
      return failure === undefined ? { outcome } : { outcome, failure: failure.fault }
    } catch (error) {
      return { outcome: { type: 'failed' }, failure: faultOf(error, 'EndpointSlices cannot be followed') }
    }
  }

  async #list (step: Step & { type: 'list' }): Promise<Watched> {
    const listed = await listSlices(this.#api, this.#options, step, this.#stopped.signal)
    if (listed.slices === undefined) return listed
    this.#slices = new Map(listed.slices)
    this.#push.call()
    return { outcome: listed.outcome }
  }

  async #watch ({ version }: Step & { type: 'watch' }): Promise<Watched> {
    const changed = (name: string, slice: Slice | undefined): void => {
      if (slice === undefined) this.#slices.delete(name)
      else this.#slices.set(name, slice)
    }
    const watch = new SliceWatch(this.#options, version, changed, () => this.#push.call())
    return await watch.run(this.#api, this.#options.timing, this.#stopped.signal)
  }

  #tell (): void {
    const { port, families = reachableFamilies } = this.#options
    let found: Found[]
    try {
      found = endpointsOfSlices(this.#slices.values(), port, families())
    } catch (error) {
      this.#listener?.failed(faultOf(error, 'EndpointSlices cannot be read'))
      return
    }
    const fault = this.#faultOf(found)
    this.#listener?.found({ found, absence: 'gone', ...fault !== undefined && { fault } } satisfies Answer)
  }

  /** What is odd about endpoints that were found. */
  #faultOf (found: readonly Found[]): DiscoveryFault | undefined {
    const { protocol, namespace, service } = this.#options
    if (this.#slices.size === 0) {
      const none = `no EndpointSlice in namespace ${namespace} has the label kubernetes.io/service-name=${service}`
      return { kind: 'empty', message: `${none}; is there a Service of this name, with a selector?` }
    }
    if (found.length === 0) return { kind: 'empty', message: `no endpoint of ${namespace}/${service} serves` }
    const other = found.find(({ appProtocol = protocol }) => appProtocol !== protocol && isSecure(appProtocol) !== (protocol === 'https:'))
    if (other === undefined) return undefined
    const message = `its EndpointSlices say that ${other.appProtocol} is spoken there, and the upstream says ${protocol}`
    return { kind: 'invalid', message }
  }

  /** Ends early if the source is stopped. */
  #pause (ms: number): Promise<void> {
    const { signal } = this.#stopped
    return new Promise(resolve => {
      const cancel = this.#options.timing.after(ms, () => {
        signal.removeEventListener('abort', stopped)
        resolve()
      })
      const stopped = (): void => {
        cancel()
        resolve()
      }
      if (signal.aborted) stopped()
      else signal.addEventListener('abort', stopped, { once: true })
    })
  }
}

/** Of the names that Kubernetes and IANA have for protocols, these are over TLS. */
function isSecure (appProtocol: string): boolean {
  return appProtocol === 'https' || appProtocol === 'kubernetes.io/wss'
}
