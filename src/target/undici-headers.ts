import { errors } from 'undici'
import type { Dispatcher } from 'undici'
import { hasToken } from '../http/connection-signal.js'
import { isFieldValue, isToken } from '../http/field-syntax.js'

/** undici's `headers` option in the form that a connection sends. */
export interface RequestHeaders {
  /**
   * Names and values in turn, in their order and case; `host` comes first. Without the headers that frame the message or manage the
   * connection.
   */
  readonly lines: string[]
  /** The value of `content-length`. */
  readonly length: number | undefined
  readonly hasType: boolean
  readonly hasIdempotencyKey: boolean
  /** `Connection: close` is in it. */
  readonly close: boolean
}

const DIGITS = /^[0-9]+$/

/**
 * Reads undici's `headers` option in each of its forms: a flat array, a record, pairs. Throws the errors of undici's `Request`:
 * `InvalidArgumentError`, and `NotSupportedError` for `Expect`.
 */
export function readHeaders (headers: Dispatcher.DispatchOptions['headers']): RequestHeaders {
  const reader = new HeaderReader()
  if (Array.isArray(headers)) {
    if (headers.length % 2 !== 0) throw new errors.InvalidArgumentError('headers array must be even')
    for (let i = 0; i < headers.length; i += 2) reader.read(headers[i], headers[i + 1])
  } else if (typeof headers === 'object' && headers !== null) {
    if (isIterable(headers)) {
      for (const pair of headers as Iterable<unknown>) {
        if (!Array.isArray(pair) || pair.length !== 2) throw new errors.InvalidArgumentError('headers must be in key-value pair format')
        reader.read(pair[0], pair[1])
      }
    } else {
      for (const [name, value] of Object.entries(headers)) reader.read(name, value)
    }
  } else if (headers !== null && headers !== undefined) {
    throw new errors.InvalidArgumentError('headers must be an object or an array')
  }
  return reader
}

// Some code puts an iterator on Object.prototype; then every record would look iterable.
function isIterable (headers: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(headers)
  return Object.hasOwn(headers, Symbol.iterator) || (prototype !== null && prototype !== Object.prototype && Symbol.iterator in headers)
}

class HeaderReader implements RequestHeaders {
  readonly lines: string[] = []
  length: number | undefined
  hasType = false
  hasIdempotencyKey = false
  close = false
  #hasHost = false

  read (name: unknown, given: unknown): void {
    if (given === undefined) return
    if (typeof name !== 'string' || !isToken(name)) throw new errors.InvalidArgumentError('invalid header key')
    const value = Array.isArray(given) ? given.map(item => text(name, item)) : text(name, given)
    switch (name.toLowerCase()) {
      case 'host': return this.#host(value)
      case 'content-length': return this.#contentLength(value)
      case 'connection': return this.#connection(value)
      case 'transfer-encoding':
      case 'keep-alive':
      case 'upgrade': throw new errors.InvalidArgumentError(`invalid ${name.toLowerCase()} header`)
      case 'expect': throw new errors.NotSupportedError('expect header not supported')
      case 'content-type': this.hasType = true; break
      case 'idempotency-key': this.hasIdempotencyKey = true
    }
    if (typeof value === 'string') this.lines.push(name, value)
    else for (const one of value) this.lines.push(name, one)
  }

  #host (value: string | string[]): void {
    if (this.#hasHost) throw new errors.InvalidArgumentError('duplicate host header')
    if (typeof value !== 'string') throw new errors.InvalidArgumentError('invalid host header')
    this.#hasHost = true
    this.lines.unshift('host', value)
  }

  #contentLength (value: string | string[]): void {
    if (this.length !== undefined) throw new errors.InvalidArgumentError('duplicate content-length header')
    if (typeof value !== 'string' || !DIGITS.test(value)) throw new errors.InvalidArgumentError('invalid content-length header')
    this.length = Number(value)
  }

  // Members other than `close` are dropped: a header that they name is sent like any other.
  #connection (value: string | string[]): void {
    if (typeof value !== 'string' || !value.split(',').every(member => isToken(member.trim()))) {
      throw new errors.InvalidArgumentError('invalid connection header')
    }
    this.close ||= hasToken(value, 'close')
  }
}

function text (name: string, value: unknown): string {
  if (value === null) return ''
  if (typeof value === 'object') throw new errors.InvalidArgumentError(`invalid ${name} header`)
  // Not `String()`, which would also take a symbol.
  const string = typeof value === 'string' ? value : `${value as number}`
  if (!isFieldValue(string)) throw new errors.InvalidArgumentError(`invalid ${name} header`)
  return string
}
