import { type Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request as httpRequest } from 'node:http'
import { type RequestOptions, request as httpsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { type RawResponse, readResponse } from './raw-response.js'
import { reset } from './reset.js'
import { readExactly } from './wire-message.js'
import { type Reading, WireInput } from './wire-input.js'

export type { RawResponse } from './raw-response.js'

/** A client that sends the bytes it is told to and takes nothing but strict HTTP/1 in return. */
export class RawClient {
  readonly socket: Socket
  /** How the other side ended the connection. Does not settle if this side destroyed it first. */
  readonly ended: Promise<'fin' | 'rst'>
  readonly #input = new WireInput()
  // Each returns whether it has what it wants, and is asked in turn.
  readonly #wanted: Array<() => boolean> = []

  constructor (socket: Socket) {
    this.socket = socket
    this.ended = new Promise((resolve) => {
      const end = (how: 'fin' | 'rst'): void => {
        this.#input.end(how)
        resolve(how)
        this.#advance()
      }
      // libuv calls a reset an end where it comes together with data; only after a reset is it forgotten whom the socket was connected to.
      socket.once('end', () => end(socket.localAddress !== undefined && socket.remoteAddress === undefined ? 'rst' : 'fin'))
      socket.on('error', () => end('rst'))
    })
    socket.on('data', (chunk) => {
      this.#input.push(chunk)
      this.#advance()
    })
    // After an end by this side alone, so that nothing waits for ever.
    socket.once('close', () => {
      this.#input.end('rst')
      this.#advance()
    })
  }

  /** What came and was not asked for yet. After the last response it should be empty. */
  get unread (): Buffer {
    return this.#input.peek()
  }

  write (bytes: string | Buffer): void {
    this.socket.write(bytes)
  }

  /** The next response, interim ones included. Rejects if it is malformed or the connection ends before its body. */
  response (options: { head?: boolean } = {}): Promise<RawResponse> {
    return this.#want(readResponse(this.#input, options))
  }

  /** The next `length` bytes, whatever they are: for what follows a 101. */
  async read (length: number): Promise<Buffer> {
    const chunks: Buffer[] = []
    await this.#want(readExactly(this.#input, length, chunks))
    return Buffer.concat(chunks)
  }

  /** Sends a FIN and resolves once the other side has closed too. What it still sends can be read meanwhile. */
  async close (): Promise<void> {
    if (this.socket.destroyed) return
    await new Promise<void>((resolve) => {
      this.socket.once('close', () => resolve())
      this.socket.end()
    })
  }

  /** Leaves at once, with an RST as an aborted browser tab often does. */
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
  /** Keeps connections between requests; without one each request has a connection of its own. */
  agent?: Agent
  tls?: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername'>
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  rawHeaders: string[]
  body: Buffer
}

/** One request through node:http. Rejects if the answer is cut off. */
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
