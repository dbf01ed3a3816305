import type { Dispatcher } from 'undici'
import type { CloseReason, ConnectionView } from '../../src/connection/observer.js'
import type { TargetOptions } from '../../src/options/option-types.js'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import { TargetRegistry } from '../../src/target/registry.js'
import type { Target } from '../../src/target/target.js'

interface Teardown { teardown (fn: () => unknown): void }

export interface Closed { id: number, reason: CloseReason, idleMs: number | undefined, served: number }

/** A target with its own registry, and everything that an observer of it was told. */
export class Rig {
  readonly registry: TargetRegistry
  readonly target: Target
  readonly opened: number[] = []
  readonly closed: Closed[] = []
  readonly released: number[] = []
  /** The connection of each attempt, in order. */
  readonly acquired: Array<{ id: number, idleMs: number }> = []
  readonly dialFailures: string[] = []
  readonly retries: string[] = []
  readonly rejections: string[] = []
  readonly #waiters = new Set<() => void>()

  constructor (url: string, options: TargetOptions, clock?: () => number) {
    this.registry = new TargetRegistry({ maxDynamicTargets: 10, onObserverError: error => { throw error }, ...(clock && { clock }) })
    this.registry.observe({
      opened: ({ id }) => this.#note(() => this.opened.push(id)),
      acquired: ({ id }, idleMs) => this.#note(() => this.acquired.push({ id, idleMs })),
      released: ({ id }) => this.#note(() => this.released.push(id)),
      closed: ({ id, served }: ConnectionView, reason, idleMs) => this.#note(() => this.closed.push({ id, reason, idleMs, served })),
      dialFailed: (_target, code) => this.#note(() => this.dialFailures.push(code)),
      retried: (_target, kind) => this.#note(() => this.retries.push(kind)),
      rejected: (_target, code) => this.#note(() => this.rejections.push(code))
    })
    this.target = this.registry.declare({ origin: new URL(url), options: resolveTargetOptions({}, options), prefix: '/' })
  }

  get reasons (): CloseReason[] { return this.closed.map(({ reason }) => reason) }
  get counts (): ReturnType<Target['snapshot']>['connections'] { return this.target.snapshot().connections }

  /** Resolves when `predicate` holds. It is called again after each event of a connection. */
  async until (predicate: (rig: Rig) => boolean, timeoutMs = 5000): Promise<void> {
    if (predicate(this)) return
    await new Promise<void>((resolve, reject) => {
      const ask = (): void => {
        if (!predicate(this)) return
        clearTimeout(timer)
        this.#waiters.delete(ask)
        resolve()
      }
      const timer = setTimeout(() => reject(new Error(`still waiting for ${predicate.toString()}: ${JSON.stringify({ counts: this.counts, closed: this.closed })}`)), timeoutMs)
      this.#waiters.add(ask)
    })
  }

  send (request: Partial<Dispatcher.DispatchOptions> = {}, react: Reactions = {}): Receiver {
    const receiver = new Receiver(react)
    this.target.dispatch({ method: 'GET', path: '/', ...request }, receiver)
    return receiver
  }

  // Later, since a pool tells its observers of an event before it has finished with it.
  #note (record: () => void): void {
    record()
    setImmediate(() => { for (const ask of this.#waiters) ask() })
  }
}

export function rigFor (t: Teardown, url: string, options: TargetOptions = {}, clock?: () => number): Rig {
  const rig = new Rig(url, options, clock)
  t.teardown(() => rig.registry.destroy())
  return rig
}

/** What a receiver does besides recording its calls. */
export interface Reactions {
  head? (receiver: Receiver): void
  /** Returning false pauses the response. */
  data? (receiver: Receiver): boolean
  end? (receiver: Receiver): void
}

/** Receives one response in undici's legacy dialect. */
export class Receiver implements Dispatcher.DispatchHandler {
  status = 0
  body = ''
  error: (Error & { code?: string, cause?: unknown }) | undefined
  /** Final calls; more than one is a bug. */
  finals = 0
  /** Resolves at the first final call. */
  readonly over: Promise<Receiver>
  readonly begun: Promise<void>
  readonly #react: Reactions
  #settle!: (receiver: Receiver) => void
  #begin!: () => void
  #abort: ((error?: Error) => void) | undefined
  #resume: (() => void) | undefined

  constructor (react: Reactions) {
    this.#react = react
    this.over = new Promise(resolve => { this.#settle = resolve })
    this.begun = new Promise(resolve => { this.#begin = resolve })
  }

  abort (): void { this.#abort!(new Error('aborted by the test')) }
  resume (): void { this.#resume!() }

  onConnect (abort: (error?: Error) => void): void { this.#abort = abort }

  onHeaders (status: number, _headers: Buffer[], resume: () => void): boolean {
    this.status = status
    this.#resume = resume
    this.#react.head?.(this)
    this.#begin()
    return true
  }

  onData (chunk: Buffer): boolean {
    this.body += chunk.toString('latin1')
    return this.#react.data?.(this) ?? true
  }

  onComplete (): void {
    this.finals++
    this.#settle(this)
    this.#react.end?.(this)
  }

  onError (error: Error): void {
    this.error = error
    this.finals++
    this.#settle(this)
  }
}
