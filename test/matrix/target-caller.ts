import { PassThrough } from 'node:stream'
import type { Readable } from 'node:stream'
import type { Target } from '../../src/index.js'
import { type Caller, type Outcome, Settling, sizeOf } from './caller.js'
import type { Upload } from './cell.js'
import { Gate } from './gate.js'

/** `target.request()`: code that calls a backend itself. */
export class TargetCaller implements Caller {
  /** The response's head passes this gate before its body is read. */
  readonly head = new Gate()
  readonly #target: Target
  readonly #bodyOf: (() => Readable) | undefined
  readonly #settling = new Settling()
  readonly #abort = new AbortController()
  #body: Readable | undefined
  #rest = ''
  #unended: string | undefined

  /** @param bodyOf makes another body in place of the upload's */
  constructor (target: Target, bodyOf?: () => Readable) {
    this.#target = target
    this.#bodyOf = bodyOf
  }

  get outcome (): Promise<Outcome> { return this.#settling.outcome }
  get settled (): boolean { return this.#settling.settled }

  begin ({ method, type, first, rest, chunked }: Upload): void {
    this.#rest = rest
    let body: Readable | string | null = first === '' ? null : first
    if (chunked) body = this.#body = this.#bodyOf?.() ?? this.#stream(first)
    this.#ask(method, type, body).then(outcome => this.#settling.settle(outcome), (error: Error) => this.#settling.lost(`${error.name}: ${error.message}`))
  }

  more (): void {
    if (this.#rest === '' || !(this.#body instanceof PassThrough) || this.#body.destroyed) return
    this.#body.end(this.#rest)
    this.#rest = ''
  }

  reset (): void {
    this.#settling.left = true
    this.#abort.abort()
  }

  failBody (error: Error): void {
    this.#body?.destroy(error)
  }

  async again (): Promise<string | undefined> {
    try {
      const { statusCode, body } = await this.#target.request({ path: '/canary', method: 'GET' })
      await body.dump()
      return statusCode === 200 ? undefined : `another request got ${statusCode}`
    } catch (error) {
      return `another request got ${String(error)}`
    }
  }

  /** Whether the request's body was ended or destroyed with it. */
  get unexplained (): string | undefined {
    if (this.settled && this.#body !== undefined && !this.#body.destroyed && !this.#body.readableEnded) return 'the body that it was given is neither ended nor destroyed'
    return this.#unended
  }

  async close (): Promise<void> {
    this.#body?.on('error', () => {}).destroy()
  }

  async #ask (method: 'GET' | 'POST', type: string, body: Readable | string | null): Promise<Outcome> {
    const response = await this.#target.request({ path: '/cell', method, headers: { 'content-type': type }, body, signal: this.#abort.signal })
    // Code often awaits something else first; meanwhile the stream has no listener.
    await this.head.pass()
    const chunks: Buffer[] = []
    try {
      for await (const chunk of response.body) chunks.push(chunk as Buffer)
    } finally {
      if (!response.body.destroyed) this.#unended = 'its response stream is not destroyed'
    }
    return { kind: 'answer', status: response.statusCode, size: sizeOf(chunks) }
  }

  #stream (first: string): PassThrough {
    const body = new PassThrough({ highWaterMark: 1_000_000 })
    body.write(first)
    if (this.#rest === '') body.end()
    return body
  }
}
