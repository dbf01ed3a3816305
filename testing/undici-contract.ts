import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { Client } from 'undici'
import type { Dispatcher } from 'undici'
import type { Target } from '../src/index.js'
import type { Backend, RequestScript } from './backend.js'
import { resolveTargetOptions } from '../src/options/target-options.js'
import { TargetRegistry } from '../src/target/registry.js'
import { backendFor } from './gateway.js'

/** undici's own Client and a target, in front of one backend. */
export interface Contract {
  readonly backend: Backend
  readonly client: Client
  readonly target: Target
  /** Runs a case with both, one after the other, and returns the result of each. */
  both<T> (run: (dispatcher: Dispatcher, name: 'client' | 'target') => Promise<T>): Promise<[client: T, target: T]>
  /** The bytes that the backend received since the last call, a text a connection. */
  bytes (): string[]
}

export async function contractFor (t: Test, script: RequestScript): Promise<Contract> {
  let connections: Buffer[][] = []
  const record = (socket: Socket): void => {
    let mine = connections
    let chunks: Buffer[] = []
    mine.push(chunks)
    socket.on('data', (chunk: Buffer) => {
      // A connection that is used again after a call of `bytes` begins a new text.
      if (mine !== connections) {
        mine = connections
        mine.push(chunks = [])
      }
      chunks.push(chunk)
    })
  }
  const backend = await backendFor(t, { onConnection: ({ socket }) => record(socket), onRequest: script })
  const client = new Client(backend.url)
  t.teardown(() => client.destroy())
  const registry = new TargetRegistry({ maxDynamicTargets: 1, onObserverError: error => t.fail('an observer threw', { error: String(error) }) })
  t.teardown(() => registry.destroy())
  const target = registry.declare({ origin: new URL(backend.url), options: resolveTargetOptions({}, {}), prefix: '/' })
  return {
    backend,
    client,
    target,
    both: async run => [await run(client, 'client'), await run(target, 'target')],
    bytes () {
      const texts = connections.map(chunks => Buffer.concat(chunks).toString('latin1')).filter(text => text !== '')
      connections = []
      return texts
    }
  }
}

/** One call of a handler: its name, and those of its arguments that a test can compare. */
export type Told = [name: string, ...given: unknown[]]

/** The parts of an error that programs look at. */
export function kindOf (error: unknown): { name: string, code: unknown, message: string } {
  const { name, code, message } = error as Error & { code?: string }
  return { name, code, message }
}

interface Steps {
  /** Called with each step's name after the step was recorded, with functions to pause, resume and abort. */
  on? (step: string, control: { pause (): void, resume (): void, abort (reason?: Error): void }): void
}

/** Dispatches with a handler of the older dialect, and resolves to all of its calls after the last one. */
export function tellOlder (dispatcher: Dispatcher, options: Partial<Dispatcher.DispatchOptions>, { on = () => {} }: Steps = {}): Promise<Told[]> {
  return new Promise(resolve => {
    const told: Told[] = []
    let abort = (_reason?: Error): void => {}
    let resume = (): void => {}
    let more = true
    const note = (...call: Told): boolean => {
      told.push(call)
      more = true
      on(call[0], { pause: () => { more = false }, resume: () => resume(), abort: reason => abort(reason) })
      return more
    }
    const text = (raw: readonly unknown[]): string[] => raw.map(item => (item as Buffer).toString('latin1'))
    const handler = {
      onConnect: (give: (reason?: Error) => void) => {
        abort = give
        note('onConnect')
      },
      onBodySent: (chunk: Uint8Array) => { note('onBodySent', Buffer.from(chunk).toString()) },
      onRequestSent: () => { note('onRequestSent') },
      onResponseStarted: () => { note('onResponseStarted') },
      onHeaders: (status: number, raw: Buffer[], give: () => void, reason: string) => {
        resume = give
        return note('onHeaders', status, text(raw), reason)
      },
      onData: (chunk: Buffer) => note('onData', chunk.toString()),
      onComplete: (trailers: unknown[]) => {
        note('onComplete', text(trailers))
        resolve(told)
      },
      onUpgrade: (status: number, raw: Buffer[], socket: { destroy (): void }) => {
        note('onUpgrade', status, text(raw))
        socket.destroy()
        resolve(told)
      },
      onError: (error: Error) => {
        note('onError', kindOf(error))
        resolve(told)
      }
    }
    dispatcher.dispatch({ path: '/', method: 'GET', ...options } as Dispatcher.DispatchOptions, handler as unknown as Dispatcher.DispatchHandler)
  })
}

/** Dispatches with a handler of the newer dialect. */
export function tellNewer (dispatcher: Dispatcher, options: Partial<Dispatcher.DispatchOptions>, { on = () => {} }: Steps = {}): Promise<Told[]> {
  return new Promise(resolve => {
    const told: Told[] = []
    const note = (controller: Dispatcher.DispatchController, ...call: Told): void => {
      told.push(call)
      on(call[0], { pause: () => controller.pause(), resume: () => controller.resume(), abort: reason => controller.abort(reason as Error) })
    }
    const text = (raw: unknown): string[] | null => (raw as Buffer[] | null)?.map(item => item.toString('latin1')) ?? null
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: controller => note(controller, 'onRequestStart', controller.paused, controller.aborted, controller.reason),
      onResponseStart: (controller, status, headers, reason) => note(controller, 'onResponseStart', status, { ...headers }, reason, text((controller as { rawHeaders?: unknown }).rawHeaders)),
      onResponseData: (controller, chunk) => note(controller, 'onResponseData', chunk.toString()),
      onResponseEnd: (controller, trailers) => {
        note(controller, 'onResponseEnd', { ...trailers }, text((controller as { rawTrailers?: unknown }).rawTrailers))
        resolve(told)
      },
      onRequestUpgrade: (controller, status, headers, socket) => {
        note(controller, 'onRequestUpgrade', status, { ...headers })
        socket.destroy()
        resolve(told)
      },
      onResponseError: (controller, error) => {
        // For a request that it refuses undici gives no controller. A target gives one that does nothing.
        note(controller, 'onResponseError', kindOf(error), (controller as Partial<typeof controller> | undefined)?.aborted ?? false)
        resolve(told)
      }
    }
    // Methods that undici's types do not have must not be called.
    for (const name of ['onBodySent', 'onRequestSent']) Object.assign(handler, { [name]: () => told.push([name]) })
    dispatcher.dispatch({ path: '/', method: 'GET', ...options } as Dispatcher.DispatchOptions, handler)
  })
}
