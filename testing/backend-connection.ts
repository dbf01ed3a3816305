import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type BackendRequest, type BackendRequestHead, readRequest } from './backend-request.js'
import { reset } from './reset.js'
import { Malformed, type Reading, WireInput } from './wire-input.js'
import type { Field } from './wire-message.js'

export interface Reply {
  /** @default 200 */
  status?: number
  /** Default: the usual phrase of the status. May be empty, as with some servers. */
  reason?: string
  /** @default '1.1' */
  httpVersion?: string
  headers?: Record<string, string | string[]> | Field[]
  body?: string | Buffer
  /** `close` adds no Content-Length: the script's FIN ends the body. Default `length`. */
  delimit?: 'length' | 'close'
}

/** What a connection tells its backend. */
export interface ConnectionOwner {
  head (head: BackendRequestHead, connection: BackendConnection): void | Promise<void>
  request (request: BackendRequest, connection: BackendConnection): void | Promise<void>
  closing (connection: BackendConnection): void
  malformed (what: string): void
  failed (error: unknown): void
}

/** One accepted connection: reads requests, gives them to the script one after another, and writes what the script says. */
export class BackendConnection {
  readonly id: number
  readonly socket: Socket
  // The TCP socket below a TLS socket: only a TCP socket can send an RST.
  readonly #wire: Socket
  readonly #owner: ConnectionOwner
  readonly #input = new WireInput()
  #reading: Reading<BackendRequest> | undefined
  #headSettled: Promise<void> | undefined
  #answering: BackendRequestHead | undefined
  #requests = 0
  #busy = false
  #taken = false
  #closedByBackend = false

  constructor (id: number, socket: Socket, wire: Socket, owner: ConnectionOwner) {
    this.id = id
    this.socket = socket
    this.#wire = wire
    this.#owner = owner
    socket.on('data', (chunk) => {
      if (this.#taken) return
      this.#input.push(chunk)
      this.#serve()
    })
    // The other side may reset at any time. 'close' follows, and counts.
    socket.on('error', () => {})
  }

  /** Requests fully received so far. */
  get requests (): number {
    return this.#requests
  }

  /** Whether the script ended or reset the connection before the other side did. */
  get closedByBackend (): boolean {
    return this.#closedByBackend
  }

  write (bytes: string | Buffer): void {
    this.socket.write(bytes)
  }

  /**
   * Writes a whole response in one piece. Adds Content-Length unless the headers frame the body themselves, or the status has no body. The
   * answer to a HEAD has the length of its body, and no body.
   */
  reply (reply: Reply = {}): void {
    const { status = 200, reason, httpVersion = '1.1', headers = {}, body = '', delimit = 'length' } = reply
    const fields = Array.isArray(headers)
      ? headers
      : Object.entries(headers).flatMap(([name, values]) => [values].flat().map((value): Field => [name, value]))
    const bodiless = status < 200 || status === 204 || status === 304
    const bytes = Buffer.from(body)
    let head = `HTTP/${httpVersion} ${status} ${reason ?? STATUS_CODES[status] ?? ''}\r\n`
    for (const [name, value] of fields) head += `${name}: ${value}\r\n`
    const framed = delimit === 'close' || fields.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name))
    if (!bodiless && !framed) {
      head += `Content-Length: ${bytes.length}\r\n`
    }
    const withoutBody = bodiless || this.#answering?.method === 'HEAD'
    this.write(Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), withoutBody ? Buffer.alloc(0) : bytes]))
  }

  /** Sends a FIN after the written bytes. Later requests are not read. */
  end (): void {
    this.#decideToClose()
    this.socket.end()
  }

  /** Sends an RST, which loses bytes that were written and not yet sent. A unix socket has no RST, and closes. */
  reset (): void {
    this.#decideToClose()
    reset(this.socket, this.#wire)
  }

  /** Stops reading HTTP, for a script that goes on with another protocol. Returns the bytes of it that have come. */
  takeOver (): Buffer {
    this.#taken = true
    return this.#input.take(Infinity)
  }

  #decideToClose (): void {
    // After the other side's FIN, the close is not the backend's decision.
    if (this.#closedByBackend || this.socket.destroyed || this.socket.readableEnded) return
    this.#closedByBackend = true
    this.#owner.closing(this)
  }

  async #serve (): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    try {
      while (!this.#taken && !this.#closedByBackend && !this.socket.destroyed) {
        const request = this.#read()
        if (request === undefined) return
        await this.#headSettled
        this.#requests = request.nth
        await this.#owner.request(request, this)
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#busy = false
    }
  }

  #fail (error: unknown): void {
    if (error instanceof Malformed) this.#owner.malformed(error.message)
    else this.#owner.failed(error)
    this.socket.destroy()
  }

  #read (): BackendRequest | undefined {
    this.#reading ??= readRequest(this.#input, this.#requests + 1, (head) => {
      this.#answering = head
      // The body is read meanwhile, since the hook may be what makes the other side send it.
      this.#headSettled = Promise.resolve(this.#owner.head(head, this))
      this.#headSettled.catch((error) => this.#fail(error))
    })
    const step = this.#reading.next()
    if (step.done !== true) return undefined
    this.#reading = undefined
    return step.value
  }
}
