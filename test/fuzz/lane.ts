import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { GatewayChild } from '../rules/gateway-child.js'
import { INTERNALS } from '../rules/verdict.js'
import { answer } from '../../testing/answer.js'
import { startBackend } from '../../testing/backend.js'
import type { Backend } from '../../testing/backend.js'
import { rawClient } from '../../testing/client.js'
import type { RawClient, RawResponse } from '../../testing/client.js'
import { Truncated } from '../../testing/wire-input.js'
import { Http2Client } from './http2-client.js'
import type { Message, Way } from './message.js'

/** An upstream without a listener: two routes to one origin with different options would be two targets. */
const UNUSED = 'http://127.0.0.1:9'
/** A client leaves after so long without a byte, since what it sent may be incomplete; in ms. */
const QUIET = 25
/** The longest time until a valid request has its answer, and until everything is at rest; in ms. */
const PATIENCE = 4_000
const TIMEOUTS = { undiciOptions: { headersTimeout: 250, bodyTimeout: 250, connections: 4 }, clientBodyTimeout: 300 }

/** The time between two pieces of a slow client, and the longest time of slow hooks, in ms. */
const SLOW = 3
const HOOKS = 4
/** How long the first of two pipelined requests takes; in ms. */
const FIRST = 5
const FIRST_REQUEST = 'GET /probe-first HTTP/1.1\r\nHost: gateway.test\r\n\r\n'

/** The kind of app that a message's way needs. */
export type Kind = 'plain' | 'slow hooks' | 'http2'

export function kindOf (way: Way): Kind {
  return way.startsWith('http2') ? 'http2' : way === 'slow hooks' ? way : 'plain'
}

/** A gateway in a child process with its own backend: runs one message after another, and reports what was wrong. */
export class Lane {
  /** Statuses that clients of all lanes got, which show what the messages reached. */
  static readonly statuses = new Map<number, number>()
  readonly #child: GatewayChild
  readonly #backend: Backend
  readonly #app: number
  readonly #kind: Kind
  #session: Http2Client | undefined
  #probe: RawClient | undefined
  #serial = 0
  #seen: string[] = []
  #message: Message | undefined

  private constructor (child: GatewayChild, backend: Backend, app: number, script: { run?: Lane }, kind: Kind) {
    this.#kind = kind
    this.#child = child
    this.#backend = backend
    this.#app = app
    script.run = this
  }

  static async open (child: GatewayChild, { websocket = false, kind = 'plain' }: { websocket?: boolean, kind?: Kind } = {}): Promise<Lane> {
    const script: { run?: Lane } = {}
    const backend = await startBackend({
      onRequest: async (request, connection) => {
        const lane = script.run!
        const message = lane.#message
        // So that the backend answers the request pipelined behind it first.
        if (request.path.startsWith('/probe-first')) await wait(FIRST)
        if (request.path.startsWith('/probe')) return answer(request, connection)
        lane.#seen.push(`${request.method} ${request.path}`)
        if (message?.mutated !== 'response') return answer(request, connection)
        connection.write(message.response)
        if (!message.ends) return
        await wait(2)
        connection.end()
      }
    })
    const setup = {
      upstream: backend.url, canary: UNUSED, stock: false, gateway: { clientHeadersTimeout: 400 },
      route: { ...TIMEOUTS, websocket: websocket && kind === 'plain' }, http2: kind === 'http2', ...kind === 'slow hooks' ? { hooksTake: HOOKS } : {}
    }
    return new Lane(child, backend, await child.open(setup), script, kind)
  }

  async close (): Promise<void> {
    this.#probe?.destroy()
    await this.#session?.close()
    await this.#backend.close()
    await this.#child.close(this.#app).catch(() => {})
  }

  /** What was wrong with a message; usually nothing. */
  async run (message: Message): Promise<string[]> {
    this.#message = message
    this.#seen = []
    try {
      const wrong = this.#kind === 'http2' ? await this.#overHttp2(message) : await this.#overHttp1(message)
      wrong.push(...await this.#unrest(), ...this.#backend.malformed.splice(0).map(what => `the backend was sent a malformed ${what}`), ...this.#ranTwice(message))
      return wrong
    } catch (error) {
      await wait(50)
      return [this.#child.crashed === undefined ? String(error) : `the process died: ${this.#child.crashed}`]
    }
  }

  async #overHttp1 (message: Message): Promise<string[]> {
    const client = await rawClient(this.#app)
    if (message.way === 'pipelined') client.write(FIRST_REQUEST)
    for (const piece of message.pieces) {
      if (client.socket.destroyed) break
      client.write(piece)
      if (message.pieces.length > 1) await (message.way === 'slow' ? wait(SLOW) : turn())
    }
    const wrong = message.way === 'pipelined' ? await this.#first(client) : []
    wrong.push(...await (message.mutated === 'request' ? this.#oddRequest(client) : this.#oddResponse(client, message)))
    client.destroy()
    const probe = await this.#ask(this.#probe ??= await rawClient(this.#app))
    if (probe === undefined) return wrong
    this.#probe.destroy()
    this.#probe = undefined
    return [...wrong, `a valid request behind it ${probe}`]
  }

  async #overHttp2 ({ pieces, way }: Message): Promise<string[]> {
    const wrong: string[] = []
    const client = await Http2Client.open(this.#app)
    const { status, length, body, code, closed } = await client.ask(pieces[0]!.toString('latin1'), { leaves: way === 'http2, and leaves' })
    if (status !== undefined) {
      Lane.statuses.set(status, (Lane.statuses.get(status) ?? 0) + 1)
      if (code === 0 && length !== undefined && length !== body.length) wrong.push(`a response of ${length} bytes ends after ${body.length}`)
      wrong.push(...leaks({ body }))
    } else if (code === 0 && way === 'http2' && !closed) {
      wrong.push('a valid request got no answer')
    }
    await client.close()
    this.#session ??= await Http2Client.open(this.#app)
    const id = `probe-${++this.#serial}`
    const probe = await this.#session.ask(`GET /probe HTTP/1.1\r\nx-id: ${id}\r\n\r\n`)
    if (probe.status !== 200 || !probe.body.includes(`"${id}"`)) {
      wrong.push(`a valid request behind it got ${probe.status ?? `RST_STREAM ${probe.code}`}`)
      await this.#session.close()
      this.#session = undefined
    }
    return wrong
  }

  /** The response to the first of two pipelined requests. If the second is invalid, both may be refused. */
  async #first (client: RawClient): Promise<string[]> {
    const response = await next(client, PATIENCE)
    if (typeof response === 'string') return [response]
    return response === undefined || response.status === 200 ? [] : leaks(response)
  }

  async #oddRequest (client: RawClient): Promise<string[]> {
    const wrong: string[] = []
    let answered = 0
    for (;;) {
      const response = await next(client, QUIET)
      if (response === undefined || typeof response === 'string') {
        if (response !== undefined) wrong.push(response)
        break
      }
      if (!response.complete) wrong.push('a response was cut off')
      if (response.status === 200) answered++
      wrong.push(...leaks(response))
    }
    if (answered > this.#seen.length) wrong.push(`${answered} answers of a backend that was asked ${this.#seen.length} times`)
    return wrong
  }

  async #oddResponse (client: RawClient, message: Message): Promise<string[]> {
    for (;;) {
      const response = await next(client, PATIENCE, message.head)
      // A response that waits behind another one is cut with its connection, before its head is written.
      if (response === undefined) return message.way === 'pipelined' && (client.socket.destroyed || client.socket.readableEnded) ? [] : ['a valid request got no answer']
      if (typeof response === 'string') return [response]
      if (response.status < 200) continue
      if (!response.complete) return leaks(response)
      const wrong = leaks(response)
      if (client.unread.length > 0) wrong.push(`more than a response came: ${JSON.stringify(client.unread.toString('latin1').slice(0, 200))}`)
      // A further request on the connection proves that both sides agree on the framing.
      const again = response.header('connection') === 'keep-alive' ? await this.#ask(client) : undefined
      if (again !== undefined) wrong.push(`a further request on its connection ${again}`)
      return wrong
    }
  }

  async #ask (client: RawClient): Promise<string | undefined> {
    const id = `probe-${++this.#serial}`
    client.write(`GET /probe HTTP/1.1\r\nHost: gateway.test\r\nx-id: ${id}\r\n\r\n`)
    const response = await next(client, PATIENCE)
    if (response === undefined) return 'got no answer'
    if (typeof response === 'string') return response
    return response.status === 200 && response.body.includes(`"${id}"`) ? undefined : `got ${response.status} ${response.body.toString('latin1').slice(0, 100)}`
  }

  async #unrest (): Promise<string[]> {
    const deadline = performance.now() + PATIENCE
    for (;;) {
      const { clients, connections, sentinels } = await this.#child.state(this.#app)
      const { active, idle, connecting, pending, upgraded } = connections!
      if (active + connecting + pending + upgraded === 0 && clients <= 1 && idle + sentinels === this.#backend.open) return []
      if (performance.now() > deadline) return [`sockets are left: ${JSON.stringify({ clients, ...connections, sentinels, openAtBackend: this.#backend.open })}`]
      await wait(4)
    }
  }

  #ranTwice ({ pieces }: Message): string[] {
    const sent = Buffer.concat(pieces).toString('latin1')
    const unsafe = this.#seen.filter(name => name.startsWith('POST '))
    return [...new Set(unsafe)].filter(name => unsafe.filter(other => other === name).length > Math.max(1, sent.split(name).length - 1)).map(name => `${name} ran twice`)
  }
}

/** The next response. Undefined if the connection ended before it, or nothing came for `patience` ms. A string says what is wrong. */
async function next (client: RawClient, patience: number, head = false): Promise<RawResponse | string | undefined> {
  const late = new AbortController()
  const response = client.response({ head }).catch((error: Error) => error instanceof Truncated ? (client.unread.length > 0 ? 'a response was cut off in its head' : undefined) : String(error))
  const result = await Promise.race([response, wait(patience, undefined, { signal: late.signal }).catch(() => undefined)])
  late.abort()
  if (typeof result === 'object') Lane.statuses.set(result.status, (Lane.statuses.get(result.status) ?? 0) + 1)
  return result
}

function leaks ({ body }: Pick<RawResponse, 'body'>): string[] {
  const internal = INTERNALS.exec(body.toString('latin1'))?.[0]
  return internal === undefined ? [] : [`a body tells ${internal}`]
}
