import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'
import { fail, POOL, routed, serve, setup } from './peers/serve.js'

// The floor: the least that a proxy over node:http and undici can do. It dispatches once a request, takes hop-by-hop fields off both heads,
// and handles back pressure and clients that leave. Its router is a Map; it has no retry, no limits, no log, no Via.

const OF_THE_CONNECTION = /^(?:connection|keep-alive)$/i
// undici frames a body itself, by Content-Length if the request has one. Node has answered `Expect: 100-continue` already.
const NOT_FORWARDED = /^(?:connection|keep-alive|host|transfer-encoding|expect|upgrade)$/i

/** undici's legacy handler gets heads as they are on the wire. */
class Relay {
  readonly #response: ServerResponse
  #abort: (() => void) | undefined
  #resume: (() => void) | undefined
  #over = false

  constructor (response: ServerResponse) {
    this.#response = response
    response.once('close', () => {
      if (!this.#over) this.#abort?.()
    })
  }

  onConnect (abort: () => void): void {
    this.#abort = abort
    if (this.#response.destroyed) abort()
  }

  onHeaders (status: number, raw: Buffer[], resume: () => void, reason: string): boolean {
    if (status < 200) return true
    const headers: string[] = []
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!.toString('latin1')
      if (!OF_THE_CONNECTION.test(name)) headers.push(name, raw[i + 1]!.toString('latin1'))
    }
    this.#resume = resume
    this.#response.writeHead(status, reason, headers)
    return true
  }

  onData (chunk: Buffer): boolean {
    if (this.#response.write(chunk)) return true
    this.#response.once('drain', this.#resume!)
    return false
  }

  onComplete (): void {
    this.#over = true
    this.#response.end()
  }

  onError (): void {
    this.#over = true
    fail(this.#response)
  }
}

const poolOf = routed((upstream) => new Pool(upstream, setup.ca === undefined ? POOL : { ...POOL, connect: { ca: setup.ca } }))

serve((request, response) => {
  const pool = poolOf(request)
  pool.dispatch({
    method: request.method as Dispatcher.HttpMethod,
    path: request.url ?? '/',
    headers: forwarded(request),
    body: hasBody(request) ? request : null
  }, new Relay(response) as unknown as Dispatcher.DispatchHandler)
})

function forwarded ({ rawHeaders }: IncomingMessage): string[] {
  const headers: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (!NOT_FORWARDED.test(name)) headers.push(name, rawHeaders[i + 1]!)
  }
  return headers
}

function hasBody ({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] !== undefined && headers['content-length'] !== '0')
}
