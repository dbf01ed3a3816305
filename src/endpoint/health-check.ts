import { dialFailureCode } from '../connection/dial.js'
import type { Dial, Dialer } from '../connection/dial.js'
import type { HoldfastError } from '../errors.js'
import type { BackendSocket, SocketReader } from '../wire/backend-socket.js'
import { RequestHeads } from '../wire/http1/request-head.js'
import { ResponseParser } from '../wire/http1/response-parser.js'
import type { ResponseFailure, ResponseReceiver } from '../wire/http1/response-parser.js'
import { statusPasses } from './checks.js'

/** What a check asks for, and what it takes for an answer. */
export interface CheckTerms {
  /** The target's: its host is sent as `Host`. */
  readonly origin: URL
  /** With the query. */
  readonly path: string
  /** From the beginning of the dial to the head of the final response, in ms. */
  readonly timeout: number
  /** As in `statusPasses`. */
  readonly status: string
}

/**
 * The result of a check. `cause` is a short text for a person: the status (`503`), the code of the failed dial (`ECONNREFUSED`), or what
 * happened to the connection.
 */
export type CheckResult = { readonly passed: true } | { readonly passed: false, readonly cause: string }

/** A check under way. */
export interface RunningCheck {
  /** Gives the check up, and closes its connection. `done` is not called. */
  abort (): void
}

// In bytes: the default of `undiciOptions.maxHeaderSize`.
const MAX_HEADER_SIZE = 16_384
// Bytes that are read in all. The rest of a longer answer is given up.
const MOST_BYTES = 65_536
const HEADERS = ['user-agent', 'holdfast-health-check', 'accept', '*/*']

/**
 * Checks one endpoint: `GET path` over a connection of its own, which no pool counts, with `Connection: close`.
 *
 * The head of the final response is the result. The rest of the response is still read, until the same timeout at the latest, because
 * closing a socket with unread bytes resets it, and the backend would log a broken connection for each check.
 *
 * @param dialer the endpoint's, so that TLS, name and socket options are those of its requests
 * @param done called once, after `checkEndpoint` has returned
 */
export function checkEndpoint (dialer: Dialer, terms: CheckTerms, done: (result: CheckResult) => void): RunningCheck {
  return new HealthCheck(dialer, terms, done)
}

class HealthCheck implements RunningCheck, SocketReader, ResponseReceiver {
  readonly #terms: CheckTerms
  readonly #timer: NodeJS.Timeout
  readonly #dial: Dial
  /** Undefined once it was called, and after `abort`. */
  #done: ((result: CheckResult) => void) | undefined
  #socket: BackendSocket | undefined
  #parser: ResponseParser | undefined
  /** The status of the final response; 0 before its head has come. */
  #status = 0

  constructor (dialer: Dialer, terms: CheckTerms, done: (result: CheckResult) => void) {
    this.#terms = terms
    this.#done = done
    this.#timer = setTimeout(() => this.#fail(`no answer within ${terms.timeout} ms`), terms.timeout)
    this.#dial = dialer((error, socket) => this.#dialled(error, socket))
  }

  abort (): void {
    this.#done = undefined
    this.#close()
  }

  // Called by the socket.

  onRead (bytes: Buffer, length: number, own: boolean): void {
    const parser = this.#parser
    // A TLS read in pieces goes on after the socket was destroyed.
    if (parser === undefined) return
    parser.execute(bytes, length, own)
    // Not within the parser's run, where this could have closed the socket, and given the parser back.
    if (this.#status !== 0) this.#answered()
    if (parser.failure !== undefined) this.#fail(textOf(parser.failure))
    else if (parser.over || this.#socket!.bytesRead > MOST_BYTES) this.#close()
  }

  onEnd (): void {
    this.#fail(this.#socket!.ending === 'reset' ? 'ECONNRESET' : 'the connection was closed without an answer')
  }

  onClose (): void {
    const { ending, error } = this.#socket!
    const code = (error as NodeJS.ErrnoException | undefined)?.code
    this.#fail(code ?? (ending === 'reset' ? 'ECONNRESET' : 'the connection was closed without an answer'))
  }

  onDrain (): void {}
  /** The socket is read to its end first: an answer may have come. */
  onWriteFailed (): void {}

  // Called by the parser, within its run.

  informed (): void {}

  responded (status: number): void {
    this.#status = status
  }

  data (): void {}
  ended (): void {}
  /** Never: no other protocol was asked for. */
  upgraded (): void {}

  #dialled (error: HoldfastError | undefined, socket: BackendSocket | undefined): void {
    if (socket === undefined) return this.#fail(dialFailureCode(error!))
    const { origin, path } = this.#terms
    this.#socket = socket
    let head: string
    try {
      head = new RequestHeads(origin.host).encode({ method: 'GET', path, headers: HEADERS, upgrade: undefined }, undefined, false)
    } catch (unsendable) {
      return this.#fail(((unsendable as Error).cause as Error).message)
    }
    this.#parser = ResponseParser.take(this, { method: 'GET', upgrade: false, maxHeaderSize: MAX_HEADER_SIZE, maxResponseSize: -1 })
    socket.reader = this
    socket.write(head, 'latin1')
  }

  #answered (): void {
    const status = this.#status
    // What is still read is for the backend's sake.
    this.#timer.unref()
    this.#socket!.unref()
    this.#tell(statusPasses(status, this.#terms.status) ? { passed: true } : { passed: false, cause: String(status) })
  }

  /** Ends the check. Where the result is known, what ends the rest of the response does not change it. */
  #fail (cause: string): void {
    this.#close()
    this.#tell({ passed: false, cause })
  }

  #tell (result: CheckResult): void {
    const done = this.#done
    this.#done = undefined
    done?.(result)
  }

  #close (): void {
    clearTimeout(this.#timer)
    if (this.#socket === undefined) this.#dial.abandon()
    else this.#socket.destroy()
    // Another response may have the parser after this.
    this.#parser?.release()
    this.#parser = undefined
  }
}

function textOf ({ reason }: ResponseFailure): string {
  return `no valid HTTP response: ${reason}`
}
