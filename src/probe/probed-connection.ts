import { Connection } from '../connection/connection.js'
import type { ConnectionOwner } from '../connection/connection.js'
import { Exchange } from '../connection/exchange.js'
import type { ExchangeOwner, ExchangeSink, Failure } from '../connection/exchange.js'
import type { CloseReason, ResponseView } from '../connection/observer.js'
import { HoldfastError } from '../errors.js'
import type { PersistenceSignal } from '../http/connection-signal.js'
import type { ResponseHead } from '../http/response-head.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import type { BackendSocket, SocketReader } from '../wire/backend-socket.js'
import { RequestHeads } from '../wire/http1/request-head.js'
import { formatSet } from './duration.js'

/** How a connection ended: by the backend's FIN or RST, after unsolicited bytes (a 408, for example), or by this side. */
export interface Ending { readonly by: 'fin' | 'rst' | 'data' | 'own', readonly at: number }

/** One answer, as far as it came. */
export interface Answer {
  /** Why there is no answer, or only a part of one. */
  readonly failure: Failure | undefined
  readonly status: number
  readonly minor: 0 | 1
  readonly signal: PersistenceSignal | undefined
  /** The values of its `Connection` and `Keep-Alive`, fit for a terminal. */
  readonly connection: string | undefined
  readonly keepAlive: string | undefined
  /** Its `Content-Encoding`, in lower case; undefined where it has none, or `identity`. */
  readonly coding: string | undefined
  /** Whether its head says where the body ends. Otherwise the body ends with the connection. */
  readonly framed: boolean
  /** Bytes of its body. */
  readonly size: number
  /** Whether it says that its connection ends with it. */
  readonly announcesClose: boolean
  /** Whether the connection could carry another request as far as this side knows. */
  readonly reusable: boolean
  /** When its last byte was read. */
  readonly endedAt: number
}

export interface ProbedConnectionSettings {
  readonly id: number
  readonly origin: string
  readonly path: string
  readonly headers: readonly string[]
  readonly options: ResolvedTargetOptions
  readonly answerTimeout: number
}

/** A connection as the gateway would use it. It also notes how the backend ends the socket. */
export class ProbedConnection implements ConnectionOwner, ExchangeOwner, SocketReader {
  /** Settles with the first sign that the socket has ended. */
  readonly closed: Promise<Ending>
  readonly #socket: BackendSocket
  readonly #connection: Connection
  readonly #settings: ProbedConnectionSettings
  #close!: (ending: Ending) => void
  #ended: ((reason: CloseReason | undefined, response: ResponseView | undefined) => void) | undefined

  constructor (socket: BackendSocket, settings: ProbedConnectionSettings) {
    this.#settings = settings
    this.#socket = socket
    this.closed = new Promise(resolve => { this.#close = resolve })
    const now = performance.now()
    this.#connection = new Connection(socket, {
      id: settings.id,
      target: settings.origin,
      heads: new RequestHeads(new URL(settings.origin).host),
      options: settings.options,
      owner: this,
      now,
      generation: 0,
      clock: () => performance.now()
    })
    // This object reads the socket and passes all on: the connection destroys a socket that has ended, and the first sign would be lost.
    socket.reader = this
  }

  onRead (bytes: Buffer, length: number, own: boolean): void {
    this.#connection.onRead(bytes, length, own)
    if (this.#connection.endedBy === 'unexpected_data') this.#endedBy('data')
  }

  onEnd (): void {
    this.#endedBy(endingOf(this.#socket))
    this.#connection.onEnd()
  }

  onClose (): void {
    this.#endedBy(endingOf(this.#socket))
    this.#connection.onClose()
  }

  onDrain (): void {
    this.#connection.onDrain()
  }

  onWriteFailed (): void {
    this.#connection.onWriteFailed()
  }

  /** Sends one request without a body, with `more` headers, and reads its answer. Never rejects. */
  ask (method: 'GET' | 'POST' = 'GET', path = this.#settings.path, more: readonly string[] = []): Promise<Answer> {
    const { headers, answerTimeout } = this.#settings
    return new Promise(resolve => {
      const reading = new Reading()
      const settle = (reason: CloseReason | undefined, response: ResponseView | undefined): void => {
        clearTimeout(timer)
        this.#ended = undefined
        const endedAt = performance.now()
        // An exchange reports its failure to its sink after this call.
        queueMicrotask(() => {
          if (reason === 'unexpected_data' || reason === 'invalid_response') this.#endedBy('data')
          if (reason !== undefined) this.#connection.destroy()
          const { status, connection, keepAlive, coding, framed, size, failure } = reading
          resolve({
            failure,
            status,
            minor: this.#connection.minor,
            signal: response?.signal,
            connection,
            keepAlive,
            coding,
            framed: framed || status === 204 || status === 304,
            size,
            announcesClose: reason === 'connection_close',
            reusable: failure === undefined && reason === undefined && this.#connection.endedBy === undefined,
            endedAt
          })
        })
      }
      this.#ended = settle
      const exchange = new Exchange(this.#connection, this, reading, {
        method, path, headers: [...headers, ...more], body: null, headersTimeout: 0, bodyTimeout: 0, upgrade: undefined
      }, { reused: this.#connection.served > 0, closeFor: undefined, retryable: false })
      exchange.begin()
      const timer = setTimeout(() => exchange.abort(reading.overdue(answerTimeout), 'timeout'), answerTimeout)
    })
  }

  destroy (): void {
    this.#connection.destroy()
  }

  exchangeEnded (_connection: Connection, reason: CloseReason | undefined, response: ResponseView | undefined): void {
    this.#ended?.(reason, response)
  }

  exchangeUpgraded (): void {
    this.#ended?.('upgraded', undefined)
  }

  // `onEnd` and `onClose` have noticed it before.
  connectionLost (): void {}

  #endedBy (by: Ending['by']): void {
    this.#close({ by, at: performance.now() })
  }
}

/** Reads an answer, and keeps the facts of its head. */
class Reading implements ExchangeSink {
  status = 0
  connection: string | undefined
  keepAlive: string | undefined
  coding: string | undefined
  framed = false
  size = 0
  failure: Failure | undefined

  informed (): void {}

  responded (status: number, { list }: ResponseHead): void {
    this.status = status
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i]
      const value = printable(list[i + 1]!)
      if (name === 'connection') this.connection = this.connection === undefined ? value : `${this.connection}, ${value}`
      else if (name === 'keep-alive') this.keepAlive = this.keepAlive === undefined ? value : `${this.keepAlive}, ${value}`
      else if (name === 'content-encoding') this.coding = value.trim().toLowerCase() === 'identity' ? undefined : value.trim().toLowerCase() || undefined
      else if (name === 'content-length' || name === 'transfer-encoding') this.framed = true
    }
  }

  data (chunk: Buffer): boolean {
    this.size += chunk.length
    return true
  }

  ended (): void {}
  upgraded (): void {}

  failed (failure: Failure): void {
    this.failure = failure
  }

  bodyWritten (): void {}
  requestWritten (): void {}

  overdue (afterMs: number): HoldfastError {
    return this.status === 0
      ? new HoldfastError('HOLDFAST_ERR_HEADERS_TIMEOUT', { message: `The backend did not answer within ${formatSet(afterMs)}` })
      : new HoldfastError('HOLDFAST_ERR_BODY_TIMEOUT', { message: `The backend's answer had no end within ${formatSet(afterMs)}` })
  }
}

const LONGEST_VALUE = 60

/** A header's value, without control characters and cut to a length that fits a terminal. */
export function printable (value: string): string {
  const clean = value.replace(/[^\x20-\x7e]/g, '?')
  return clean.length > LONGEST_VALUE ? `${clean.slice(0, LONGEST_VALUE - 3)}...` : clean
}

/** How a socket has ended. */
export function endingOf ({ ending }: BackendSocket): Ending['by'] {
  if (ending === 'fin') return 'fin'
  return ending === 'reset' ? 'rst' : 'own'
}
