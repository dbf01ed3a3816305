import { Dispatcher } from 'undici'
import { dispatchTo } from './dispatch.js'
import { internalsOf } from './target.js'
import type { Target } from './target.js'

/** A dispatcher over one endpoint of a target. Its requests go to no other. */
export class PinnedDispatcher extends Dispatcher {
  readonly #target: Target
  readonly #address: string

  /** @param address `host:port` */
  constructor (target: Target, address: string) {
    super()
    this.#target = target
    this.#address = address
  }

  override dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const core = internalsOf(this.#target)
    const pinned = this.#address
    return dispatchTo({ call: (request, to) => core.call({ ...request, pinned }, to) }, options, handler)
  }
}
