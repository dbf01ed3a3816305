import { AsyncResource } from 'node:async_hooks'
import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { util } from 'undici'
import { HoldfastError } from '../errors.js'
import { hasToken } from '../http/connection-signal.js'
import type { ResponseHead } from '../http/response-head.js'
import type { Call, CallHandler, CallRequest } from './call.js'
import { isIdempotent } from './retry.js'

/** What undici's dispatch was given, as a request to a target. */
export function callRequest (options: Dispatcher.DispatchOptions): CallRequest {
  const headers = listed(options.headers)
  const { askClose, idempotencyKey } = readHeaders(headers)
  const body = options.body ?? null
  return {
    method: options.method,
    path: options.path,
    query: options.query as Record<string, unknown> | undefined,
    headers,
    body,
    headersTimeout: options.headersTimeout ?? undefined,
    bodyTimeout: options.bodyTimeout ?? undefined,
    upgrade: options.upgrade === true ? 'Websocket' : options.upgrade || undefined,
    idempotent: options.idempotent ?? (idempotencyKey || isIdempotent(options.method)),
    replayable: body === null || typeof body === 'string' || body instanceof Uint8Array,
    askClose: askClose || options.reset === true
  }
}

// An iterator can be read once, and undici has to read it too.
function listed (headers: Dispatcher.DispatchOptions['headers']): Dispatcher.DispatchOptions['headers'] {
  if (headers === null || headers === undefined || Array.isArray(headers) || !(Symbol.iterator in headers)) return headers
  return [...pairs(headers)].flat() as string[]
}

function readHeaders (headers: Dispatcher.DispatchOptions['headers']): { askClose: boolean, idempotencyKey: boolean } {
  let askClose = false
  let idempotencyKey = false
  for (const [name, value] of pairs(headers)) {
    const lower = name.toLowerCase()
    if (lower === 'connection') askClose ||= hasToken(String(value), 'close')
    else if (lower === 'idempotency-key') idempotencyKey = true
  }
  return { askClose, idempotencyKey }
}

function * pairs (headers: Dispatcher.DispatchOptions['headers']): Iterable<[string, unknown]> {
  if (headers === null || headers === undefined) return
  if (Array.isArray(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) yield [String(headers[i]), headers[i + 1]]
  } else if (Symbol.iterator in headers) {
    for (const pair of headers as Iterable<[string, unknown]>) yield pair
  } else {
    for (const name of Object.keys(headers)) yield [name, headers[name]]
  }
}

/**
 * Gives a response to one of undici's dispatch handlers, of either dialect: `onConnect ... onError` with raw headers, or
 * `onRequestStart ... onResponseError` with parsed ones and a controller.
 */
export class HandlerAdapter implements CallHandler {
  readonly #handler: Dispatcher.DispatchHandler
  readonly #controller: Controller
  readonly #scope = new AsyncResource('holdfast.dispatch')
  /** The request's, where it is a stream of the caller's. */
  readonly #body: Readable | undefined
  #over = false
  #call: Call | undefined

  constructor (handler: Dispatcher.DispatchHandler, body?: unknown) {
    this.#handler = handler
    // It may fail long before a connection is had that would notice.
    this.#body = body instanceof Readable ? body.on('error', this.#onBodyError) : undefined
    this.#controller = new Controller(() => this.#call?.resume(), reason => this.#abort(reason))
  }

  /** Tells the handler how to abort, from now on, and then starts the call unless it did so at once. */
  start (call: Call): void {
    this.#call = call
    const handler = this.#handler
    this.#guard(() => {
      if (handler.onRequestStart !== undefined) handler.onRequestStart(this.#controller, {})
      else handler.onConnect?.(reason => this.#controller.abort(reason ?? new HoldfastError('HOLDFAST_ERR_CLIENT_GONE')))
    })
    if (!this.#over) call.start()
  }

  informed (status: number, headers: Buffer[]): void {
    this.#answered(status, headers, '')
  }

  responded (status: number, { raw }: ResponseHead, statusText: string): void {
    this.#answered(status, raw, statusText)
  }

  #answered (status: number, headers: Buffer[], statusText: string): void {
    const handler = this.#handler
    this.#guard(() => {
      if (handler.onRequestStart !== undefined) {
        this.#controller.rawHeaders = headers
        handler.onResponseStart?.(this.#controller, status, util.parseHeaders(headers) as IncomingHttpHeaders, statusText)
      } else {
        handler.onResponseStarted?.()
        if (handler.onHeaders?.(status, headers, () => this.#controller.resume(), statusText) === false) this.#controller.pause()
      }
    })
  }

  data (chunk: Buffer): boolean {
    const handler = this.#handler
    this.#guard(() => {
      if (handler.onRequestStart !== undefined) handler.onResponseData?.(this.#controller, chunk)
      else if (handler.onData?.(chunk) === false) this.#controller.pause()
    })
    return !this.#controller.paused
  }

  ended (trailers: Buffer[]): void {
    const handler = this.#handler
    this.#guard(() => {
      this.#end()
      if (handler.onRequestStart !== undefined) {
        this.#controller.rawTrailers = trailers
        handler.onResponseEnd?.(this.#controller, util.parseHeaders(trailers) as IncomingHttpHeaders)
      } else {
        handler.onComplete?.(trailers as unknown as string[])
      }
    }, true)
  }

  upgraded (status: number, { raw }: ResponseHead, socket: Duplex): void {
    const handler = this.#handler
    this.#guard(() => {
      this.#end()
      if (handler.onRequestStart !== undefined) {
        this.#controller.rawHeaders = raw
        handler.onRequestUpgrade?.(this.#controller, status, util.parseHeaders(raw) as IncomingHttpHeaders, socket)
      } else {
        handler.onUpgrade?.(status, raw, socket)
      }
    }, true)
  }

  bodySent (chunk: Buffer): void {
    const handler = this.#handler as { onBodySent?: (chunk: Buffer) => void }
    this.#scope.runInAsyncScope(() => handler.onBodySent?.(chunk))
  }

  requestSent (): void {
    const handler = this.#handler as { onRequestSent?: () => void }
    this.#scope.runInAsyncScope(() => handler.onRequestSent?.())
  }

  failed (error: Error): void {
    if (this.#over) return
    this.#end()
    const handler = this.#handler
    this.#scope.runInAsyncScope(() => {
      if (handler.onRequestStart !== undefined) handler.onResponseError?.(this.#controller, error)
      else handler.onError?.(error)
    })
  }

  // A stream with an error of its own fails the request with it, as with undici's own clients.
  #onBodyError = (error: Error): void => this.#abort(error)

  #end (): void {
    this.#over = true
    if (this.#body === undefined) return
    // An error after the end concerns nothing that is still sent.
    this.#body.on('error', ignore).off('error', this.#onBodyError)
    this.#body.destroy()
  }

  #abort (reason: Error): void {
    if (this.#over) return
    this.#call?.abort(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE', { cause: reason }), 'client_gone')
    this.failed(reason)
  }

  // A handler that throws has given the response up; undici's own clients tell it so in the same way.
  #guard (step: () => void, last = false): void {
    if (this.#over) return
    try {
      this.#scope.runInAsyncScope(step)
    } catch (error) {
      if (last) this.#over = false
      this.#abort(error as Error)
    }
  }
}

class Controller implements Dispatcher.DispatchController {
  rawHeaders: Buffer[] | null = null
  rawTrailers: Buffer[] | null = null
  paused = false
  aborted = false
  reason: Error | null = null
  readonly #resume: () => void
  readonly #abort: (reason: Error) => void

  constructor (resume: () => void, abort: (reason: Error) => void) {
    this.#resume = resume
    this.#abort = abort
  }

  pause (): void {
    this.paused = true
  }

  resume (): void {
    if (!this.paused) return
    this.paused = false
    this.#resume()
  }

  abort (reason: Error): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    this.#abort(reason)
  }
}

function ignore (): void {}
