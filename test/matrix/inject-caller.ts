import { PassThrough } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { type Caller, type Outcome, Settling } from './caller.js'
import type { Upload } from './cell.js'

/** `app.inject()`: it has no connection, and cannot leave. */
export class InjectCaller implements Caller {
  readonly #app: FastifyInstance
  readonly #settling = new Settling()
  #body: PassThrough | undefined
  #rest = ''

  constructor (app: FastifyInstance) {
    this.#app = app
  }

  get outcome (): Promise<Outcome> { return this.#settling.outcome }
  get settled (): boolean { return this.#settling.settled }

  begin ({ method, type, first, rest, chunked }: Upload): void {
    this.#rest = rest
    const headers: Record<string, string> = { 'content-type': type }
    if (chunked) headers['transfer-encoding'] = 'chunked'
    else if (first !== '') headers['content-length'] = String(first.length + rest.length)
    let payload: PassThrough | string | undefined
    if (rest !== '' || chunked) {
      payload = this.#body = new PassThrough({ highWaterMark: 1_000_000 })
      // The caller itself made the stream fail.
      payload.on('error', () => {})
      payload.write(first)
      if (rest === '') payload.end()
    } else if (first !== '') {
      payload = first
    }
    this.#app.inject({ method, url: '/cell', headers, ...payload === undefined ? {} : { payload } }).then(
      ({ statusCode, rawPayload }) => this.#settling.settle({ kind: 'answer', status: statusCode, size: rawPayload.length }),
      (error: Error) => this.#settling.lost(error.message)
    )
  }

  more (): void {
    if (this.#rest === '' || this.#body === undefined || this.#body.destroyed) return
    this.#body.end(this.#rest)
    this.#rest = ''
  }

  reset (): void {
    throw new Error('nothing can leave here')
  }

  failBody (error: Error): void {
    this.#body?.destroy(error)
  }

  async again (): Promise<string | undefined> {
    const { statusCode } = await this.#app.inject('/canary')
    return statusCode === 200 ? undefined : `another request got ${statusCode}`
  }

  readonly unexplained = undefined

  async close (): Promise<void> {
    this.#body?.destroy()
  }
}
