import { type RawClient, rawClient, type RawResponse } from '../../testing/client.js'
import { Malformed } from '../../testing/wire-input.js'
import { type Caller, type Outcome, Settling } from './caller.js'
import type { Upload } from './cell.js'
import { within } from './waiting.js'

/** A client with one connection. `pipelined`: its request comes right after another one on that connection. */
export class Http1Caller implements Caller {
  readonly client: RawClient
  readonly #pipelined: boolean
  readonly #settling = new Settling()
  #rest = ''
  #chunked = false
  #keeps = true
  #ended = false

  private constructor (client: RawClient, pipelined: boolean) {
    this.client = client
    this.#pipelined = pipelined
  }

  static async open (port: number, pipelined: boolean): Promise<Http1Caller> {
    return new Http1Caller(await rawClient(port), pipelined)
  }

  get outcome (): Promise<Outcome> { return this.#settling.outcome }
  get settled (): boolean { return this.#settling.settled }

  begin ({ method, type, first, rest, chunked }: Upload): void {
    const framing = chunked ? 'Transfer-Encoding: chunked\r\n' : method === 'POST' || first !== '' ? `Content-Length: ${first.length + rest.length}\r\n` : ''
    this.#chunked = chunked
    this.#rest = rest
    const head = `${method} /cell HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: ${type}\r\n${framing}\r\n`
    this.client.write(`${this.#pipelined ? 'GET /first HTTP/1.1\r\nHost: gateway.test\r\n\r\n' : ''}${head}${this.#piece(first)}${rest === '' ? this.#end() : ''}`)
    this.#read().then(outcome => this.#settling.settle(outcome), (error: Error) => {
      if (error instanceof Malformed) this.#settling.settle({ kind: 'wrong', why: `a malformed response: ${error.message}` })
      else this.#settling.lost(error.message)
    })
  }

  more (): void {
    if (this.#rest === '' || this.#ended || !this.client.socket.writable) return
    this.client.write(this.#piece(this.#rest) + this.#end())
    this.#rest = ''
  }

  reset (): void {
    this.#settling.left = true
    this.client.destroy()
  }

  halfClose (): void {
    this.#ended = true
    this.client.socket.end()
  }

  async again (): Promise<string | undefined> {
    const { socket } = this.client
    if (!this.#keeps || this.#ended || socket.destroyed || socket.readableEnded || this.#rest !== '') return undefined
    this.client.write('GET /canary HTTP/1.1\r\nHost: gateway.test\r\n\r\n')
    const { status, complete } = await within(3_000, this.client.response(), 'another request of its connection')
    return complete && status === 200 ? undefined : `another request of its connection got ${status}`
  }

  get unexplained (): string | undefined {
    const { unread } = this.client
    return this.settled && unread.length > 0 && !this.#settling.left ? `more than one answer: ${JSON.stringify(unread.toString('latin1').slice(0, 80))}` : undefined
  }

  async close (): Promise<void> {
    this.client.destroy()
  }

  async #read (): Promise<Outcome> {
    if (this.#pipelined) {
      // Any answer: a cause at the backend strikes this request too.
      const { complete } = await this.client.response()
      if (!complete) return { kind: 'cut', why: 'within the response in front of it' }
    }
    let response: RawResponse
    do response = await this.client.response()
    while (response.status < 200)
    this.#keeps = response.complete && response.header('connection') !== 'close'
    return response.complete ? { kind: 'answer', status: response.status, size: response.body.length } : { kind: this.#settling.left ? 'gone' : 'cut', why: 'within its response' }
  }

  #piece (text: string): string {
    return this.#chunked && text !== '' ? `${text.length.toString(16)}\r\n${text}\r\n` : text
  }

  #end (): string {
    return this.#chunked ? '0\r\n\r\n' : ''
  }
}
