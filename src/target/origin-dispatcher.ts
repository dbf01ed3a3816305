import { Dispatcher } from 'undici'
import { refuse } from './dispatch.js'

/** A dispatcher that chooses another one by each request's origin. `@fastify/reply-from` gets it. */
export class OriginDispatcher extends Dispatcher {
  readonly #choose: (origin: string) => Dispatcher

  /** @param choose may throw; the request fails with that error */
  constructor (choose: (origin: string) => Dispatcher) {
    super()
    this.#choose = choose
    this.dispatch = this.dispatch.bind(this)
  }

  override dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    let chosen: Dispatcher
    try {
      chosen = this.#choose(new URL(options.origin ?? '').origin)
    } catch (error) {
      refuse(handler, error as Error)
      return false
    }
    return chosen.dispatch(options, handler)
  }

  // The targets are closed with their app. reply-from, which holds this dispatcher, must not close them earlier.
  override close (callback?: () => void): Promise<void> {
    if (callback !== undefined) queueMicrotask(callback)
    return Promise.resolve()
  }

  override destroy (): Promise<void> {
    return Promise.resolve()
  }
}
