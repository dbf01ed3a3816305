import { Dispatcher } from 'undici'
import { refuse } from './dispatch.js'

/** What reply-from is given: asks for each request's origin where to send it. */
export class OriginDispatcher extends Dispatcher {
  readonly #choose: (origin: string) => Dispatcher

  /** @param choose may throw: that is the request's failure then */
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

  // Targets are closed with their app; reply-from, which holds this, must not do it before.
  override close (callback?: () => void): Promise<void> {
    if (callback !== undefined) queueMicrotask(callback)
    return Promise.resolve()
  }

  override destroy (): Promise<void> {
    return Promise.resolve()
  }
}
