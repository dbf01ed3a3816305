import { readFileSync } from 'node:fs'
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { DiscoveryFailure } from '../source.js'
import type { Timing } from '../timing.js'
import type { KubernetesAccess } from './access.js'

/** How long, in ms, the API server may take until the head of a response, and for the whole of a response that is no watch. */
export const API_PATIENCE = 30_000
// In ms. A watch says nothing for minutes: probes of TCP notice an API server that is gone without a FIN.
const TCP_KEEP_ALIVE = 30_000
// In bytes. A page of 500 slices of 100 endpoints each is some 20 MB.
const LARGEST_RESPONSE = 64 * 1024 * 1024

/** A whole response. */
export interface ApiResponse { readonly status: number, readonly headers: IncomingMessage['headers'], readonly body: string }

/** GETs from the API server, each over a connection of its own: there is one each five minutes or so. */
export class KubernetesApi {
  readonly #access: KubernetesAccess
  readonly #timing: Timing

  constructor (access: KubernetesAccess, timing: Timing) {
    this.#access = access
    this.#timing = timing
  }

  /** The whole response, of any status. */
  async get (path: string, signal: AbortSignal): Promise<ApiResponse> {
    const response = await this.open(path, signal)
    return { status: response.statusCode!, headers: response.headers, body: await this.textOf(response) }
  }

  /** A response whose head has come, of any status. The caller reads it, or destroys it. */
  async open (path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { url, tokenFile, caFile } = this.#access
    const token = tokenFile === undefined ? undefined : read(tokenFile).trim()
    const ca = caFile === undefined ? undefined : read(caFile)
    const send = url.startsWith('https:') ? httpsRequest : httpRequest
    const request = send(new URL(path, url), {
      agent: false,
      signal,
      ...ca !== undefined && { ca },
      headers: { accept: 'application/json', 'user-agent': 'holdfast', ...token !== undefined && { authorization: `Bearer ${token}` } }
    })
    // As a timer of discovery, a watch does not keep the process alive.
    request.once('socket', socket => socket.setKeepAlive(true, TCP_KEEP_ALIVE).unref())
    const cancel = this.#timing.after(API_PATIENCE, () => request.destroy(tooSlow()))
    try {
      return await responseTo(request)
    } catch (error) {
      throw failureOf(error, `the API server ${url} cannot be asked`)
    } finally {
      cancel()
    }
  }

  /** The body of a response that is no watch. */
  async textOf (response: IncomingMessage): Promise<string> {
    const cancel = this.#timing.after(API_PATIENCE, () => response.destroy(tooSlow()))
    const pieces: Buffer[] = []
    let size = 0
    try {
      for await (const piece of response as AsyncIterable<Buffer>) {
        size += piece.length
        if (size > LARGEST_RESPONSE) throw tooLarge()
        pieces.push(piece)
      }
    } catch (error) {
      throw failureOf(error, 'a response of the API server was cut')
    } finally {
      cancel()
    }
    return Buffer.concat(pieces).toString()
  }
}

function responseTo (request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    // 'on', since an error may come after the response too, and one without a listener would end the process.
    request.on('error', reject)
    request.end()
  })
}

function tooSlow (): DiscoveryFailure {
  return new DiscoveryFailure('silent', `the API server has not answered in ${API_PATIENCE} ms`)
}

function tooLarge (): DiscoveryFailure {
  return new DiscoveryFailure('invalid', `a response of the API server is larger than ${LARGEST_RESPONSE} bytes`)
}

/** What this code has thrown says already what has failed. */
function failureOf (error: unknown, what: string): DiscoveryFailure {
  return error instanceof DiscoveryFailure ? error : new DiscoveryFailure('failed', `${what}: ${reason(error)}`, error)
}

function read (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new DiscoveryFailure('denied', `${path} cannot be read: ${reason(error)}`, error)
  }
}

function reason (error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
