import { AsyncResource } from 'node:async_hooks'
import { STATUS_CODES } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { errors, util } from 'undici'
import type { Dispatcher } from 'undici'
import { HoldfastError, ignoreError } from '../errors.js'
import { bytesOf } from '../http/response-head.js'
import type { ResponseHead } from '../http/response-head.js'
import { speaksNewer, tellBodySent, tellComplete, tellRequestSent } from '../quirks/undici-dialect.js'
import type { Call, CallHandler } from './call.js'
import { DispatchController } from './dispatch-controller.js'

type StartedCall = Pick<Call, 'start' | 'resume' | 'abort'>

/**
 * Gives a response to one of undici's dispatch handlers. The older dialect (`onConnect ... onError`) gets raw headers; the newer one
 * (`onRequestStart ... onResponseError`) gets parsed headers and a controller.
 *
 * A paused handler is not called, except with an error: the rest of the read during which it paused is held until it resumes. A handler
 * that throws gives its response up, and its error callback gets what it threw.
 */
export class HandlerAdapter implements CallHandler {
  readonly #handler: Dispatcher.DispatchHandler
  /** Whether the handler speaks the newer dialect. */
  readonly #newer: boolean
  readonly #controller: DispatchController
  readonly #scope = new AsyncResource('holdfast.dispatch')
  #source: Readable | undefined
  #call: StartedCall | undefined
  /** The handler's last callback has been called. */
  #over = false
  /** The handler's callback for a piece of the body is running. */
  #delivering = false
  /** Pieces of the body that came while the handler was paused. */
  #held: Buffer[] = []
  /** The response has ended while the handler was paused. */
  #trailers: string[] | undefined

  /** @param source the request's body where it is a stream: it may fail before a connection is acquired, and ends with the request */
  constructor (handler: Dispatcher.DispatchHandler, source?: Readable) {
    this.#handler = handler
    this.#newer = speaksNewer(handler)
    this.#source = source?.on('error', this.#onSourceError).on('close', this.#onSourceClose)
    this.#controller = new DispatchController(() => this.#resume(), reason => this.#abort(reason ?? new errors.RequestAbortedError()))
  }

  /** Gives the handler its means to abort, and then starts the call, unless the handler has aborted already. */
  start (call: StartedCall): void {
    this.#call = call
    const handler = this.#handler
    this.#run(() => {
      if (this.#newer) handler.onRequestStart!(this.#controller, undefined)
      else handler.onConnect?.(reason => this.#controller.abort(reason))
    })
    // The stream may have failed before its listeners were added.
    if (this.#source?.errored) this.#abort(this.#source.errored)
    else if (this.#source?.destroyed) this.#onSourceClose()
    if (!this.#over) call.start()
  }

  informed (status: number, lines: string[]): void {
    // The wire does not keep the reason phrase of an interim response; it means nothing (RFC 9112 section 4).
    this.#answered(status, bytesOf(lines), STATUS_CODES[status] ?? '', true)
  }

  responded (status: number, { raw }: ResponseHead, reason: string): void {
    this.#answered(status, raw, reason, false)
  }

  #answered (status: number, raw: Buffer[], reason: string, interim: boolean): void {
    const handler = this.#handler
    this.#run(() => handler.onResponseStarted?.())
    this.#run(() => {
      if (this.#newer) {
        this.#controller.rawHeaders = raw
        handler.onResponseStart?.(this.#controller, status, parsed(raw), reason)
      } else {
        const more = handler.onHeaders?.(status, raw, () => this.#controller.resume(), reason)
        // No body follows an interim response, so there is nothing to pause. Node's fetch returns false for each.
        if (more === false && !interim) this.#controller.pause()
      }
    })
  }

  data (chunk: Buffer): boolean {
    if (this.#controller.paused) this.#held.push(chunk)
    else this.#deliver(chunk)
    return this.#over || !this.#controller.paused
  }

  #deliver (chunk: Buffer): void {
    const handler = this.#handler
    this.#delivering = true
    this.#run(() => {
      if (this.#newer) handler.onResponseData?.(this.#controller, chunk)
      else if (handler.onData?.(chunk) === false) this.#controller.pause()
    })
    this.#delivering = false
  }

  ended (trailers: string[]): void {
    this.#endSource(undefined)
    this.#trailers = trailers
    if (!this.#controller.paused) this.#deliverEnd(trailers)
  }

  #deliverEnd (trailers: string[]): void {
    const handler = this.#handler
    const raw = bytesOf(trailers)
    this.#runLast(() => {
      if (this.#newer) {
        this.#controller.rawTrailers = raw
        handler.onResponseEnd?.(this.#controller, parsed(raw))
      } else {
        tellComplete(handler, raw)
      }
    })
  }

  upgraded (status: number, { raw }: ResponseHead, socket: Duplex): void {
    this.#endSource(undefined)
    const handler = this.#handler
    this.#run(() => handler.onResponseStarted?.())
    const taken = this.#runLast(() => {
      if (this.#newer) {
        this.#controller.rawHeaders = raw
        handler.onRequestUpgrade?.(this.#controller, status, parsed(raw), socket)
      } else {
        handler.onUpgrade?.(status, raw, socket)
      }
    })
    if (!taken) socket.destroy()
  }

  bodyWritten (chunk: Uint8Array): void {
    if (!this.#newer) this.#run(() => tellBodySent(this.#handler, chunk))
  }

  requestWritten (): void {
    if (!this.#newer) this.#run(() => tellRequestSent(this.#handler))
  }

  failed (error: Error): void {
    if (this.#over) return
    this.#over = true
    this.#held = []
    this.#endSource(error)
    try {
      this.#scope.runInAsyncScope(() => tellError(this.#handler, this.#controller, error))
    } catch (thrown) {
      // undici has no rule for an error callback that throws, and the connection must go on working.
      process.emitWarning(thrown as Error)
    }
  }

  #resume (): void {
    // The handler has resumed inside its callback for a piece. The code that called it looks at `paused` afterwards, and goes on.
    if (this.#delivering) return
    const held = this.#held
    while (held.length > 0 && !this.#controller.paused && !this.#over) this.#deliver(held.shift()!)
    if (this.#controller.paused || this.#over) return
    if (this.#trailers === undefined) this.#call?.resume()
    else this.#deliverEnd(this.#trailers)
  }

  #abort (reason: Error): void {
    if (this.#over) return
    this.#call?.abort(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE', { cause: reason }), 'client_gone')
    this.failed(reason)
  }

  // The request fails with the stream's own error, as with undici's clients.
  #onSourceError = (error: Error): void => this.#abort(error)

  #onSourceClose = (): void => {
    if (!this.#source!.readableEnded) this.#abort(this.#source!.errored ?? new errors.RequestAbortedError())
  }

  #endSource (error: Error | undefined): void {
    const source = this.#source
    if (source === undefined) return
    this.#source = undefined
    // An error of the stream after the request has ended concerns nothing that is still sent.
    source.on('error', ignoreError).off('error', this.#onSourceError).off('close', this.#onSourceClose)
    source.destroy(error)
  }

  #run (step: () => void): void {
    if (this.#over) return
    try {
      this.#scope.runInAsyncScope(step)
    } catch (error) {
      this.#abort(error as Error)
    }
  }

  /** @returns whether the handler's callback ran without an error */
  #runLast (step: () => void): boolean {
    if (this.#over) return false
    this.#over = true
    try {
      this.#scope.runInAsyncScope(step)
      return true
    } catch (error) {
      this.#over = false
      this.failed(error as Error)
      return false
    }
  }
}

/**
 * Calls a handler's error callback. A handler without one gets the error thrown in the older dialect, and undici's `InvalidArgumentError`
 * in the newer one, as with undici.
 */
export function tellError (handler: Dispatcher.DispatchHandler, controller: DispatchController, error: Error): void {
  if (!speaksNewer(handler)) {
    if (typeof handler.onError !== 'function') throw error
    handler.onError(error)
  } else {
    if (typeof handler.onResponseError !== 'function') throw new errors.InvalidArgumentError('invalid onError method')
    handler.onResponseError(controller, error)
  }
}

function parsed (raw: Buffer[]): IncomingHttpHeaders {
  return util.parseHeaders(raw) as IncomingHttpHeaders
}
