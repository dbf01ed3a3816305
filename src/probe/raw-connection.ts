import { HoldfastError } from '../errors.js'
import { readSignal } from '../http/connection-signal.js'
import type { PersistenceSignal } from '../http/connection-signal.js'
import type { BackendSocket, SocketReader } from '../wire/backend-socket.js'
import { endingOf, printable } from './probed-connection.js'
import type { Ending } from './probed-connection.js'

// In bytes. More than a head needs, and a body that does not belong behind it.
const MOST_BYTES = 65_536
const HEAD_END = '\r\n\r\n'

/** What the head of a response says about its connection. */
export interface RawHead {
  readonly status: number
  readonly minor: 0 | 1
  readonly signal: PersistenceSignal
  /** The values of its `Connection` and `Keep-Alive`, fit for a terminal. */
  readonly connection: string | undefined
  readonly keepAlive: string | undefined
}

/** A socket with no HTTP client on it, so that only the server decides when the connection ends. */
export class RawConnection implements SocketReader {
  /** Settles with the first sign that the socket has ended. */
  readonly closed: Promise<Ending>
  readonly #socket: BackendSocket
  #received = ''
  #ending: Ending | undefined
  #close!: (ending: Ending) => void
  #look: (() => void) | undefined

  constructor (socket: BackendSocket) {
    this.#socket = socket
    this.closed = new Promise(resolve => { this.#close = resolve })
    socket.reader = this
  }

  onRead (bytes: Buffer, length: number): void {
    this.#received += bytes.toString('latin1', 0, length)
    if (this.#received.length > MOST_BYTES) this.#socket.pause()
    this.#look?.()
  }

  onEnd (): void {
    this.#endedBy(endingOf(this.#socket))
    this.#socket.destroy()
  }

  onClose (): void {
    this.#endedBy(endingOf(this.#socket))
  }

  onDrain (): void {}
  onWriteFailed (): void {}

  /** How the socket has ended; undefined while it is open. */
  get ending (): Ending | undefined {
    return this.#ending
  }

  /** Bytes that have come and that `head()` has not taken. */
  get unread (): number {
    return this.#received.length
  }

  write (text: string): void {
    this.#socket.write(text, 'latin1')
  }

  /** Takes the head of the next final response. Rejects with a HoldfastError where none comes within that many ms. */
  async head (withinMs: number): Promise<RawHead> {
    for (;;) {
      await this.until(() => this.#received.includes(HEAD_END) || this.#received.length > MOST_BYTES, withinMs)
      const end = this.#received.indexOf(HEAD_END)
      if (end === -1) throw this.#failure()
      const head = readHead(this.#received.slice(0, end))
      if (head === undefined) throw new HoldfastError('HOLDFAST_ERR_INVALID_RESPONSE')
      this.#received = this.#received.slice(end + HEAD_END.length)
      if (head.status >= 200) return head
    }
  }

  /** Resolves when `holds` returns true (it is called after each read), when the socket has ended, or after `ms`. */
  async until (holds: () => boolean, ms: number): Promise<void> {
    if (holds() || this.#ending !== undefined) return
    await new Promise<void>(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        this.#look = undefined
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#look = () => { if (holds() || this.#ending !== undefined) done() }
    })
  }

  destroy (): void {
    this.#socket.destroy()
  }

  #endedBy (by: Ending['by']): void {
    this.#ending ??= { by, at: performance.now() }
    this.#close(this.#ending)
    this.#look?.()
  }

  #failure (): HoldfastError {
    if (this.#received.length > MOST_BYTES) return new HoldfastError('HOLDFAST_ERR_INVALID_RESPONSE')
    return new HoldfastError(this.#ending === undefined ? 'HOLDFAST_ERR_HEADERS_TIMEOUT' : 'HOLDFAST_ERR_CONNECTION_LOST')
  }
}

function readHead (text: string): RawHead | undefined {
  const [first = '', ...lines] = text.split('\r\n')
  const [, minor, status] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/.exec(first) ?? []
  // No request asked for another protocol.
  if (status === undefined || status === '101') return undefined
  const connection = valueOf(lines, 'connection')
  const keepAlive = valueOf(lines, 'keep-alive')
  const version = minor === '1' ? 1 : 0
  return {
    status: Number(status),
    minor: version,
    signal: readSignal(version, connection, keepAlive),
    connection: connection && printable(connection),
    keepAlive: keepAlive && printable(keepAlive)
  }
}

function valueOf (lines: readonly string[], name: string): string | undefined {
  const values = lines.filter(line => line.slice(0, line.indexOf(':')).toLowerCase() === name).map(line => line.slice(name.length + 1).trim())
  return values.length === 0 ? undefined : values.join(', ')
}
