import { EventEmitter, once } from 'node:events'
import type { Answer, DiscoveryFault, Source, SourceListener } from '../src/discovery/source.js'

/** What a source tells, in its order. */
export class SourceEvents implements SourceListener {
  readonly answers: Answer[] = []
  readonly faults: DiscoveryFault[] = []
  /** The events that `next` has not returned yet. */
  readonly #unread: (Answer | DiscoveryFault)[] = []
  readonly #changes = new EventEmitter()

  found (answer: Answer): void {
    this.answers.push(answer)
    this.#tell(answer)
  }

  failed (fault: DiscoveryFault): void {
    this.faults.push(fault)
    this.#tell(fault)
  }

  /** The next event as text: the hosts of an answer and the message of its fault, or the message of a failure. */
  async next (): Promise<string> {
    while (this.#unread.length === 0) await once(this.#changes, 'told')
    const event = this.#unread.shift()!
    if (!('found' in event)) return `failed: ${event.message}`
    return event.found.map(({ host }) => host).join(' ') + (event.fault === undefined ? '' : `; ${event.fault.message}`)
  }

  /** Resolves with the next event that matches; those before it are read too. */
  async until (pattern: RegExp | string): Promise<string> {
    for (;;) {
      const event = await this.next()
      if (typeof pattern === 'string' ? event === pattern : pattern.test(event)) return event
    }
  }

  #tell (event: Answer | DiscoveryFault): void {
    this.#unread.push(event)
    this.#changes.emit('told')
  }
}

/** Starts a source. The caller stops it. */
export function listenTo (source: Source): SourceEvents {
  const events = new SourceEvents()
  source.start(events)
  return events
}
