import { type Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request as httpRequest } from 'node:http'
import { type RequestOptions, request as httpsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { type RawResponse, readResponse } from './raw-response.js'
import { reset } from './reset.js'
import { readExactly } from './wire-message.js'
import { type Reading, WireInput } from './wire-input.js'

export type { RawResponse } from './raw-response.js'

/** A client that sends any bytes, and accepts only strict HTTP/1 in return. */
export class RawClient {
  readonly socket: Socket
  /** How the other side ended the connection. It stays pending if this side destroyed it first. */
  readonly ended: Promise<'fin' | 'rst'>
  readonly #input = new WireInput()
  // Waiting readers, asked in turn; each returns whether it has its bytes.
  readonly #wanted: Array<() => boolean> = []

  constructor (socket: Socket) {
    this.socket = socket
    this.ended = new Promise((resolve) => {
      const end = (how: 'fin' | 'rst'): void => {
        this.#input.end(how)
        resolve(how)
        this.#advance()
      }
      // If a reset comes together with data, libuv reports an end. Only after a reset the socket has forgotten its peer's address.
      socket.once('end', () => end(socket.localAddress !== undefined && socket.remoteAddress === undefined ? 'rst' : 'fin'))
      socket.on('error', () => end('rst'))
    })
    socket.on('data', (chunk) => {
      this.#input.push(chunk)
      this.#advance()
    })
    // Readers must not wait for ever after this side has ended the connection.
    socket.once('close', () => {
      this.#input.end('rst')
      this.#advance()
    })
  }

  /** Bytes that came and were not read yet. After the last response it should be empty. */
  get unread (): Buffer {
    return this.#input.peek()
  }

  write (bytes: string | Buffer): void {
    this.socket.write(bytes)
  }

  /** The next response, which may be an interim one. Rejects if it is malformed, or if the connection ends before its body. */
  response (options: { head?: boolean } = {}): Promise<RawResponse> {
    return this.#want(readResponse(this.#input, options))
  }

  /** The next `length` bytes, for those that follow a 101. */
  async read (length: number): Promise<Buffer> {
    const chunks: Buffer[] = []
    await this.#want(readExactly(this.#input, length, chunks))
    return Buffer.concat(chunks)
  }

  /** Sends a FIN, and resolves when the other side has closed too. Bytes that still come can be read meanwhile. */
  async close (): Promise<void> {
    if (this.socket.destroyed) return
    await new Promise<void>((resolve) => {
      this.socket.once('close', () => resolve())
      this.socket.end()
    })
  }

  /** Leaves at once with an RST, as a closed browser tab often does. */
  destroy (): void {
    reset(this.socket)
  }

  #want<T> (reading: Reading<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#wanted.push(() => {
        try {
          const step = reading.next()
          if (step.done === true) resolve(step.value)
          return step.done === true
        } catch (error) {
          reject(error)
          return true
        }
      })
      this.#advance()
    })
  }

  #advance (): void {
    while (this.#wanted[0]?.() === true) this.#wanted.shift()
  }
}

export async function rawClient (port: number, host = '127.0.0.1'): Promise<RawClient> {
  const socket = connect({ port, host, noDelay: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return new RawClient(socket)
}

export interface RequestInput {
  /** @default 'GET' */
  method?: string
  headers?: OutgoingHttpHeaders
  body?: string | Buffer
  /** Keeps connections between requests. Without an agent each request uses a new connection. */
  agent?: Agent
  tls?: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername'>
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  rawHeaders: string[]
  body: Buffer
}

/** Sends one request by node:http. Rejects if the answer is cut off. */
export async function request (url: string | URL, input: RequestInput = {}): Promise<Answer> {
  const { method = 'GET', headers, body, agent, tls } = input
  const send = new URL(url).protocol === 'https:' ? httpsRequest : httpRequest
  return await new Promise((resolve, reject) => {
    const outgoing = send(url, { ...tls, method, headers, agent: agent ?? false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        rawHeaders: response.rawHeaders,
        body: Buffer.concat(chunks)
      }))
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
