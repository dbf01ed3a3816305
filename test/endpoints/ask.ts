import type { Duplex } from 'node:stream'
import type { HoldfastError, Provenance, Target } from '../../src/index.js'
import { isIdempotent } from '../../src/http/idempotent.js'
import type { Call, CallHandler } from '../../src/target/call.js'
import { internalsOf } from '../../src/target/target.js'
import { StreamedBody } from '../../src/wire/streamed-body.js'

export interface Asked {
  readonly method?: string
  readonly path?: string
  readonly headers?: { readonly [name: string]: string }
  /** Address of the client; without it a program has sent the request. */
  readonly ip?: string
  readonly body?: string | StreamedBody
  readonly pinned?: string
  readonly upgrade?: string
}

/** One request to a target, as the gateway makes it for a client, and what has become of it. */
export class Asking implements CallHandler {
  status = 0
  body = ''
  error: HoldfastError | undefined
  socket: Duplex | undefined
  isOver = false
  /** The value of `Set-Cookie`. */
  cookie: string | undefined
  /** Resolves when the response has begun, or the request has failed. */
  readonly begun: Promise<this>
  readonly over: Promise<this>
  readonly #target: Target
  readonly #call: Call
  #begin!: () => void
  #end!: () => void

  constructor (target: Target, { method = 'GET', path = '/', headers = {}, ip, body, pinned, upgrade }: Asked) {
    this.#target = target
    this.begun = new Promise(resolve => { this.#begin = () => resolve(this) })
    this.over = new Promise(resolve => { this.#end = () => resolve(this) })
    this.#call = internalsOf(target).call({
      method,
      path,
      headers: Object.entries(headers).flat(),
      body: body ?? null,
      headersTimeout: undefined,
      bodyTimeout: undefined,
      upgrade,
      idempotent: isIdempotent(method),
      replayable: !(body instanceof StreamedBody),
      askClose: false,
      asker: ip === undefined ? undefined : { ip, headers },
      pinned
    }, this)
    this.#call.start()
  }

  get code (): string | undefined { return this.error?.code }
  get result (): number | string { return this.error?.code ?? this.status }
  get provenance (): Provenance { return this.#call.provenance(this.error?.code) }
  /** Address of the endpoint that got it last. */
  get at (): string | undefined {
    const { endpoint } = this.provenance
    return this.#target.endpoints.list().find(({ id }) => id === endpoint)?.address
  }

  /** The client leaves. */
  abort (error: HoldfastError): void {
    this.#call.abort(error, 'client_gone')
  }

  informed (): void {}

  responded (status: number): void {
    this.status = status
    this.cookie = this.#call.cookie(false)
    this.#begin()
  }

  data (chunk: Buffer): boolean {
    this.body += chunk.toString('latin1')
    return true
  }

  ended (): void { this.#finish() }

  upgraded (status: number, _head: unknown, socket: Duplex): void {
    this.status = status
    this.socket = socket
    this.#finish()
  }

  failed (error: HoldfastError): void {
    this.error = error
    this.#finish()
  }

  bodyWritten (): void {}
  requestWritten (): void {}

  #finish (): void {
    this.isOver = true
    this.#begin()
    this.#end()
  }
}

export function ask (target: Target, asked: Asked = {}): Asking {
  return new Asking(target, asked)
}

/** The addresses that requests were served at, sent one after the other. Fails for any status but 200. */
export async function placesOf (target: Target, count: number, asked: (n: number) => Asked = () => ({})): Promise<string[]> {
  const places: string[] = []
  for (let n = 0; n < count; n++) {
    const asking = await ask(target, asked(n)).over
    if (asking.status !== 200) throw new Error(`request ${n}: ${asking.result}`, { cause: asking.error })
    places.push(asking.at!)
  }
  return places
}

/** How often each value is there, in the order of `of`. */
export function countsOf (places: readonly string[], of: readonly string[]): number[] {
  return of.map(address => places.filter(place => place === address).length)
}
