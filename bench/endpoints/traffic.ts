import { Agent, request as httpRequest } from 'node:http'
import { epochMs } from './time.js'

/** What a client of the measurement sends. */
export interface Ask {
  readonly method?: 'GET' | 'POST'
  readonly path?: string
  readonly headers?: { readonly [name: string]: string }
}

/** A request, and what its client got. Times are `epochMs()`. */
export interface Sent {
  readonly id: string
  readonly method: string
  readonly began: number
  ended: number
  /** 0 if there was no answer. */
  status: number
  /** What went wrong: a code of Holdfast's, an error code of the client's connection; undefined for nothing. */
  code: string | undefined
  /** The address of the backend that answered. */
  by: string | undefined
  /** The value of a cookie that was set. */
  cookie: string | undefined
}

/** Clients behind a load balancer, as the gateway sees them. */
const CLIENTS = 50
// Fewer than a listener's queue is long: else the system drops SYNs where the gateway has to wait for a CPU, and requests take seconds.
const MOST_CONNECTIONS = 256
let lastId = 0

/** Requests over connections that are kept. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MOST_CONNECTIONS, maxFreeSockets: MOST_CONNECTIONS })
  readonly #url: URL

  constructor (url: string) {
    this.#url = new URL(url)
  }

  async send ({ method = 'GET', path = '/', headers = {} }: Ask = {}): Promise<Sent> {
    const n = ++lastId
    const sent: Sent = {
      id: `r${n}`, method, began: epochMs(), ended: 0, status: 0, code: undefined, by: undefined, cookie: undefined
    }
    const { hostname, port } = this.#url
    await new Promise<void>(resolve => {
      const body = method === 'POST' ? `body of ${sent.id}` : undefined
      const given = {
        'x-id': sent.id,
        'x-forwarded-for': `198.51.100.${n % CLIENTS}`,
        ...body !== undefined && { 'content-length': String(body.length) },
        ...headers
      }
      const failed = (error: NodeJS.ErrnoException): void => {
        sent.code = error.code ?? error.message
        resolve()
      }
      const outgoing = httpRequest({ hostname, port, method, path, agent: this.#agent, headers: given }, response => {
        let text = ''
        sent.status = response.statusCode ?? 0
        sent.by = response.headers['x-by'] as string | undefined
        sent.cookie = response.headers['set-cookie']?.[0]?.split(';')[0]
        response.setEncoding('latin1').on('data', (chunk: string) => { text += chunk })
        response.once('error', failed)
        response.once('end', () => {
          if (sent.by === undefined) sent.code = /"code":"(\w+)"/.exec(text)?.[1] ?? 'no code'
          else if (!text.includes(`"id":"${sent.id}"`)) sent.code = 'the answer of another request'
          resolve()
        })
      })
      outgoing.once('error', failed)
      outgoing.end(body)
    })
    sent.ended = epochMs()
    return sent
  }

  close (): void {
    this.#agent.destroy()
  }
}

export interface Load {
  readonly url: string
  readonly requests: number
  /** How many are under way at any time. */
  readonly atOnce: number
  readonly ask?: (n: number) => Ask
}

/** Sends requests, the next one as soon as one has ended. */
export async function closedLoop ({ url, requests, atOnce, ask = () => ({}) }: Load): Promise<Sent[]> {
  const client = new Client(url)
  const all: Sent[] = []
  let n = 0
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (n < requests) all.push(await client.send(ask(n++)))
  }))
  client.close()
  return all
}

/** Sends requests at a rate, whatever becomes of them, until it is stopped. */
export class Traffic {
  readonly sent: Sent[] = []
  readonly #client: Client
  readonly #timer: NodeJS.Timeout
  readonly #under: Promise<void>[] = []

  /** @param ask the nth request. Default: one of five is a POST */
  constructor (url: string, perSecond: number, ask = (n: number): Ask => ({ method: n % 5 === 0 ? 'POST' : 'GET' })) {
    this.#client = new Client(url)
    const began = performance.now()
    let made = 0
    this.#timer = setInterval(() => {
      // Sends all requests that are due, since a timer may fire late.
      while (made < (performance.now() - began) / 1_000 * perSecond) {
        const sending = this.#client.send(ask(made++))
        this.#under.push(sending.then(sent => { this.sent.push(sent) }))
      }
    }, 2)
  }

  /** Ends the traffic. Resolves with all requests, when each has its answer. */
  async stop (): Promise<Sent[]> {
    clearInterval(this.#timer)
    await Promise.all(this.#under)
    this.#client.close()
    return this.sent
  }
}
