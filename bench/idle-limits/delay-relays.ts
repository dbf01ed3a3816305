import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { ended } from '../../testing/child-server.js'
import type { IdleBackendSettings } from '../../testing/delay-relay-backend.js'
import type { DelayRelay } from '../../testing/delay-relay.js'

export interface RelaysSetup {
  /** One way, in ms. */
  delay: number
  /** A relay for each backend: one of ours, or a real one on a port. */
  backends: Array<IdleBackendSettings | { port: number }>
}

export type RelayRecords = Pick<DelayRelay, 'arrivals' | 'endings'>

/** Asks what all relays have seen, or gives a backend of ours another idle timeout. */
export interface RelayQuestion { id: number, change?: { index: number, idleTimeout: number } }

interface RelayAnswer { id: number, records: RelayRecords[] }

/** Relays in a process of their own. */
export class DelayRelays {
  readonly urls: string[]
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (records: RelayRecords[]) => void>()
  #lastId = 0

  constructor (child: ChildProcess, urls: string[]) {
    this.#child = child
    this.urls = urls
    child.on('message', ({ id, records }: RelayAnswer) => {
      this.#waiting.get(id)?.(records)
      this.#waiting.delete(id)
    })
  }

  /** What the relays have seen so far. */
  async records (): Promise<RelayRecords[]> {
    return await this.#ask({})
  }

  /** Holds for connections that become idle from now on; idle connections keep the old timeout. */
  async setIdleTimeout (index: number, idleTimeout: number): Promise<void> {
    await this.#ask({ change: { index, idleTimeout } })
  }

  async stop (): Promise<void> {
    await ended(this.#child, () => this.#child.disconnect())
  }

  async #ask (question: Omit<RelayQuestion, 'id'>): Promise<RelayRecords[]> {
    const id = ++this.#lastId
    return await new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#child.send({ id, ...question })
    })
  }
}

/** Starts a relay for each backend. The caller stops them. */
export async function startDelayRelays (setup: RelaysSetup): Promise<DelayRelays> {
  const child = fork(join(import.meta.dirname, 'delay-relay-process.ts'), [JSON.stringify(setup)], { execArgv: ['--import=tsx'], serialization: 'advanced' })
  const [{ urls }] = await once(child, 'message') as [{ urls: string[] }]
  return new DelayRelays(child, urls)
}
