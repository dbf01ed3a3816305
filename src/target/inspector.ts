import type { CloseReason, ConnectionObserver, ConnectionView, Persistence, ResponseView } from '../connection/observer.js'
import { Inspection } from './inspection.js'
import type { InspectedTarget } from './inspection.js'

interface InspectedTargets {
  get (name: string): InspectedTarget | undefined
}

/**
 * Learns from the responses and closes of each target's connections whether its backend keeps connections open, and tells the target. After
 * enough connections in a row that were closed after their first response, the target gives each request a connection of its own; from time
 * to time a trial finds out whether the backend still closes them. The policy is `persistence.ts`.
 *
 * The inspector sees what any observer of an app sees, and acts by `setPersistence` and `keepApart` alone.
 */
export class Inspector implements ConnectionObserver {
  readonly #targets: InspectedTargets
  readonly #clock: () => number
  readonly #inspections = new Map<string, Inspection>()

  constructor (targets: InspectedTargets, clock: () => number) {
    this.#targets = targets
    this.#clock = clock
  }

  opened (connection: ConnectionView, connectMs: number): void {
    this.#inspectionOf(connection.target)?.opened(connection, connectMs)
  }

  responded (connection: ConnectionView, response: ResponseView): void {
    this.#inspections.get(connection.target)?.responded(connection, response)
  }

  closed (connection: ConnectionView, reason: CloseReason): void {
    const inspection = this.#inspections.get(connection.target)
    if (inspection === undefined) return
    inspection.closed(connection, reason)
    if (inspection.target.closed) this.#forget(connection.target, inspection)
  }

  persistenceChanged (target: string, _from: Persistence, to: Persistence, cause: string): void {
    this.#inspectionOf(target)?.apply({ type: 'set', persistence: to, cause })
  }

  stop (): void {
    for (const inspection of this.#inspections.values()) inspection.stop()
    this.#inspections.clear()
  }

  #forget (name: string, inspection: Inspection): void {
    inspection.stop()
    this.#inspections.delete(name)
  }

  #inspectionOf (name: string): Inspection | undefined {
    const known = this.#inspections.get(name)
    if (known !== undefined && !known.target.closed) return known
    const target = this.#targets.get(name)
    if (target === undefined || target.options.inspector === false) return undefined
    // Targets that requests choose come and go. A closed one that has no connection left gets no `closed` event, so it is forgotten here.
    for (const [other, inspection] of this.#inspections) if (inspection.target.closed) this.#forget(other, inspection)
    const inspection = new Inspection(target, this.#clock)
    this.#inspections.set(name, inspection)
    return inspection
  }
}
