import type { IncomingMessage } from 'node:http'
import { DiscoveryFailure } from '../source.js'
import type { Timing } from '../timing.js'
import type { KubernetesApi } from './api.js'
import { retryAfterOf, statusFailure, type Followed } from './api-fault.js'
import { JsonLines } from './json-lines.js'
import { readSlice, type Slice } from './slice.js'
import { slicesPath } from './slice-list.js'
import type { Outcome } from './step.js'

// client-go's: between five and ten minutes, in s, so that not all clients of a server come back at once.
const SHORTEST_WATCH = 300
/** How long, in ms, a watch may last beyond the time after which the server ends it. Then it is stalled. */
export const WATCH_MARGIN = 30_000

/** What a watch says of one slice: its new state, or undefined where it is deleted. */
export type SliceChanged = (name: string, slice: Slice | undefined) => void

/** How a watch has ended. */
export interface Watched { readonly outcome: Outcome, readonly failure?: DiscoveryFailure }

interface WatchEvent {
  readonly type?: unknown
  readonly object?: { readonly code?: unknown, readonly metadata?: { readonly resourceVersion?: unknown, readonly name?: unknown } }
}

/** One watch of the slices of a service. */
export class SliceWatch {
  readonly #followed: Followed
  readonly #changed: SliceChanged
  readonly #alive: () => void
  #version: string

  /** @param alive called when the watch begins, and for each piece that arrives @param version to watch from */
  constructor (followed: Followed, version: string, changed: SliceChanged, alive: () => void) {
    this.#followed = followed
    this.#version = version
    this.#changed = changed
    this.#alive = alive
  }

  /** Ends with the watch. Throws a DiscoveryFailure if the API server cannot be reached. */
  async run (api: KubernetesApi, timing: Timing, signal: AbortSignal): Promise<Watched> {
    const seconds = Math.floor(SHORTEST_WATCH * (1 + timing.random()))
    const path = slicesPath(this.#followed, {
      watch: '1', allowWatchBookmarks: 'true', resourceVersion: this.#version, timeoutSeconds: String(seconds)
    })
    const response = await api.open(path, signal)
    if (response.statusCode !== 200) return await this.#refused(response, api)
    const began = timing.clock()
    this.#alive()
    const cancel = timing.after(seconds * 1_000 + WATCH_MARGIN, () => response.destroy(stalled(seconds)))
    try {
      return await this.#read(response) ?? { outcome: { type: 'watched', version: this.#version, lasted: timing.clock() - began } }
    } catch (error) {
      const outcome: Outcome = { type: 'failed', version: this.#version }
      // A watch is cut whenever the API server, or a proxy before it, restarts. It is worth a word only if the next one fails too.
      return error instanceof DiscoveryFailure ? { outcome, failure: error } : { outcome }
    } finally {
      cancel()
      response.destroy()
    }
  }

  async #read (response: IncomingMessage): Promise<Watched | undefined> {
    const lines = new JsonLines()
    for await (const piece of response as AsyncIterable<Buffer>) {
      for (const line of lines.push(piece)) {
        const ended = this.#event(parse(line))
        if (ended !== undefined) return ended
      }
      this.#alive()
    }
    return undefined
  }

  #event ({ type, object }: WatchEvent): Watched | undefined {
    if (type === 'ERROR') {
      // Once the head has been sent, a version that has expired can only be told as an event.
      if (object?.code === 410) return { outcome: { type: 'expired' } }
      const status = { status: Number(object?.code ?? 0), body: JSON.stringify(object ?? null) }
      return { outcome: { type: 'confused' }, failure: statusFailure(status, this.#followed) }
    }
    const { resourceVersion, name } = object?.metadata ?? {}
    if (typeof resourceVersion !== 'string') throw new DiscoveryFailure('invalid', 'an event of the watch has no resourceVersion')
    if (type !== 'BOOKMARK' && typeof name === 'string') this.#changed(name, type === 'DELETED' ? undefined : readSlice(object))
    this.#version = resourceVersion
    return undefined
  }

  async #refused (response: IncomingMessage, api: KubernetesApi): Promise<Watched> {
    const status = response.statusCode!
    if (status === 410) {
      response.destroy()
      return { outcome: { type: 'expired' } }
    }
    const failure = statusFailure({ status, body: await api.textOf(response) }, this.#followed)
    if (status === 401) return { outcome: { type: 'unauthorized' }, failure }
    const retryAfter = retryAfterOf(response)
    return { outcome: { type: 'failed', ...retryAfter !== undefined && { retryAfter } }, failure }
  }
}

function stalled (seconds: number): DiscoveryFailure {
  return new DiscoveryFailure('silent', `the API server has not ended a watch after ${seconds} s and ${WATCH_MARGIN} ms: it was stalled`)
}

function parse (line: string): WatchEvent {
  let event: unknown
  try {
    event = JSON.parse(line)
  } catch {}
  if (typeof event !== 'object' || event === null) throw new DiscoveryFailure('invalid', 'a line of the watch is no JSON object')
  return event
}
