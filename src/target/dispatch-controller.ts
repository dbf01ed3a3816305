import type { Dispatcher } from 'undici'

/** Pauses, resumes and aborts a request for a handler of undici's newer dialect. A handler of the older one gets functions that call it. */
export class DispatchController implements Dispatcher.DispatchController {
  rawHeaders: Buffer[] | null = null
  rawTrailers: Buffer[] | null = null
  #paused = false
  #aborted = false
  #reason: Error | null = null
  readonly #resume: () => void
  readonly #abort: (reason: Error | undefined) => void

  /** @param resume is called when a paused response goes on @param abort is called once */
  constructor (resume: () => void, abort: (reason: Error | undefined) => void) {
    this.#resume = resume
    this.#abort = abort
  }

  get paused (): boolean { return this.#paused }
  get aborted (): boolean { return this.#aborted }
  get reason (): Error | null { return this.#reason }

  pause (): void {
    this.#paused = true
  }

  resume (): void {
    if (!this.#paused) return
    this.#paused = false
    this.#resume()
  }

  /** @param reason what the handler's error callback gets; without one, undici's `RequestAbortedError` */
  abort (reason?: Error): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason ?? null
    this.#abort(reason)
  }
}
