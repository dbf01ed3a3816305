import type { CloseReason, ConnectionObserver, ConnectionView, EndpointChange, Persistence, ResponseView } from '../connection/observer.js'
import { Inspection } from './inspection.js'
import type { InspectedTarget } from './inspection.js'

interface InspectedTargets {
  get (name: string): InspectedTarget | undefined
}

/** The inspections of one target, by the id of the endpoint. */
interface Inspected { readonly target: InspectedTarget, readonly byEndpoint: Map<string, Inspection> }

/**
 * Learns from the responses and closes of each endpoint's connections whether it keeps connections open, and tells its target. After
 * enough connections in a row that were closed after their first response, the target gives each request to that endpoint a connection of
 * its own; from time to time a trial finds out whether the endpoint still closes them. The policy is `persistence.ts`.
 *
 * The inspector sees what any observer of an app sees, and acts by `setPersistence` and `keepApart` alone.
 */
export class Inspector implements ConnectionObserver {
  readonly #targets: InspectedTargets
  readonly #clock: () => number
  readonly #inspected = new Map<string, Inspected>()

  constructor (targets: InspectedTargets, clock: () => number) {
    this.#targets = targets
    this.#clock = clock
  }

  opened (connection: ConnectionView, connectMs: number): void {
    this.#inspectionOf(connection.target, connection.endpoint)?.opened(connection, connectMs)
  }

  responded (connection: ConnectionView, response: ResponseView): void {
    this.#inspected.get(connection.target)?.byEndpoint.get(connection.endpoint ?? '')?.responded(connection, response)
  }

  closed (connection: ConnectionView, reason: CloseReason): void {
    const inspected = this.#inspected.get(connection.target)
    if (inspected === undefined) return
    inspected.byEndpoint.get(connection.endpoint ?? '')?.closed(connection, reason)
    if (inspected.target.closed) this.#forget(connection.target, inspected)
  }

  persistenceChanged (target: string, _from: Persistence, to: Persistence, cause: string, endpoint: string): void {
    this.#inspectionOf(target, endpoint)?.apply({ type: 'set', persistence: to, cause })
  }

  endpointChanged (target: string, { endpoint, to }: EndpointChange): void {
    if (to !== 'gone') return
    const byEndpoint = this.#inspected.get(target)?.byEndpoint
    byEndpoint?.get(endpoint)?.stop()
    byEndpoint?.delete(endpoint)
  }

  stop (): void {
    for (const [name, inspected] of this.#inspected) this.#forget(name, inspected)
  }

  #forget (name: string, { byEndpoint }: Inspected): void {
    for (const inspection of byEndpoint.values()) inspection.stop()
    this.#inspected.delete(name)
  }

  #inspectionOf (name: string, endpoint = ''): Inspection | undefined {
    const known = this.#inspected.get(name)
    const inspected = known !== undefined && !known.target.closed ? known : this.#inspect(name)
    if (inspected === undefined) return undefined
    let inspection = inspected.byEndpoint.get(endpoint)
    if (inspection === undefined) {
      inspection = new Inspection(inspected.target, endpoint, this.#clock)
      inspected.byEndpoint.set(endpoint, inspection)
    }
    return inspection
  }

  #inspect (name: string): Inspected | undefined {
    const target = this.#targets.get(name)
    if (target === undefined || target.options.inspector === false) return undefined
    // Targets that requests choose come and go. A closed one that has no connection left gets no `closed` event, so it is forgotten here.
    for (const [other, inspected] of this.#inspected) if (inspected.target.closed) this.#forget(other, inspected)
    const inspected: Inspected = { target, byEndpoint: new Map() }
    this.#inspected.set(name, inspected)
    return inspected
  }
}
