import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { GatewayChild } from '../rules/gateway-child.js'
import { INTERNALS } from '../rules/verdict.js'
import { answer } from '../support/answer.js'
import { startBackend } from '../support/backend.js'
import type { Backend } from '../support/backend.js'
import { rawClient } from '../support/client.js'
import type { RawClient, RawResponse } from '../support/client.js'
import { Truncated } from '../support/wire-input.js'
import type { Message } from './message.js'

/** Two routes to one origin with different options would be two targets; nobody is asked there. */
const UNUSED = 'http://127.0.0.1:9'
/** Without a byte for that long, a client leaves: what it sent may be half of something. */
const QUIET = 25
/** Until a valid request has its answer, whatever its backend does; and until all is at rest. */
const PATIENCE = 4_000
const TIMEOUTS = { undiciOptions: { headersTimeout: 250, bodyTimeout: 250, connections: 4 }, clientBodyTimeout: 300 }

/** A gateway in its process, with a backend of its own: runs one message after another and tells what was wrong. */
export class Lane {
  /** Statuses that clients got, in all lanes: what the messages reached. */
  static readonly statuses = new Map<number, number>()
  readonly #child: GatewayChild
  readonly #backend: Backend
  readonly #app: number
  #probe: RawClient | undefined
  #serial = 0
  #seen: string[] = []
  #message: Message | undefined

  private constructor (child: GatewayChild, backend: Backend, app: number, script: { run?: Lane }) {
    this.#child = child
    this.#backend = backend
    this.#app = app
    script.run = this
  }

  static async open (child: GatewayChild, { websocket = false } = {}): Promise<Lane> {
    const script: { run?: Lane } = {}
    const backend = await startBackend({
      onRequest: async (request, connection) => {
        const lane = script.run!
        const message = lane.#message
        if (request.path.startsWith('/probe')) return answer(request, connection)
        lane.#seen.push(`${request.method} ${request.path}`)
        if (message?.mutated !== 'response') return answer(request, connection)
        connection.write(message.response)
        if (!message.ends) return
        await wait(2)
        connection.end()
      }
    })
    const setup = { upstream: backend.url, canary: UNUSED, stock: false, gateway: { clientHeadersTimeout: 400 }, route: { ...TIMEOUTS, websocket } }
    return new Lane(child, backend, await child.open(setup), script)
  }

  async close (): Promise<void> {
    this.#probe?.destroy()
    await this.#backend.close()
    await this.#child.close(this.#app).catch(() => {})
  }

  /** What is wrong after one message; nothing, as a rule. */
  async run (message: Message): Promise<string[]> {
    this.#message = message
    this.#seen = []
    try {
      const client = await rawClient(this.#app)
      const wrong = message.mutated === 'request' ? await this.#oddRequest(client, message) : await this.#oddResponse(client, message)
      client.destroy()
      const probe = await this.#ask(this.#probe ??= await rawClient(this.#app))
      if (probe !== undefined) {
        wrong.push(`a valid request behind it ${probe}`)
        this.#probe.destroy()
        this.#probe = undefined
      }
      wrong.push(...await this.#unrest(), ...this.#backend.malformed.splice(0).map(what => `the backend was sent a malformed ${what}`), ...this.#ranTwice(message))
      return wrong
    } catch (error) {
      await wait(50)
      return [this.#child.crashed === undefined ? String(error) : `the process died: ${this.#child.crashed}`]
    }
  }

  async #oddRequest (client: RawClient, { pieces }: Message): Promise<string[]> {
    for (const piece of pieces) {
      if (client.socket.destroyed) break
      client.write(piece)
      if (pieces.length > 1) await turn()
    }
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
    client.write(message.pieces[0]!)
    for (;;) {
      const response = await next(client, PATIENCE, message.head)
      if (response === undefined) return ['a valid request got no answer']
      if (typeof response === 'string') return [response]
      if (response.status < 200) continue
      if (!response.complete) return leaks(response)
      const wrong = leaks(response)
      if (client.unread.length > 0) wrong.push(`more than a response came: ${JSON.stringify(client.unread.toString('latin1').slice(0, 200))}`)
      // A further request on the same connection proves that its framing is in step.
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
      const { clients, connections } = await this.#child.state(this.#app)
      const { active, idle, connecting, pending, upgraded } = connections!
      if (active + connecting + pending + upgraded === 0 && clients <= 1 && idle === this.#backend.open) return []
      if (performance.now() > deadline) return [`sockets are left: ${JSON.stringify({ clients, ...connections, openAtBackend: this.#backend.open })}`]
      await wait(4)
    }
  }

  #ranTwice ({ pieces }: Message): string[] {
    const sent = Buffer.concat(pieces).toString('latin1')
    const unsafe = this.#seen.filter(name => name.startsWith('POST '))
    return [...new Set(unsafe)].filter(name => unsafe.filter(other => other === name).length > Math.max(1, sent.split(name).length - 1)).map(name => `${name} ran twice`)
  }
}

/** The next response; undefined if the connection ended before it, or nothing came for `patience` ms; a string for what is wrong. */
async function next (client: RawClient, patience: number, head = false): Promise<RawResponse | string | undefined> {
  const late = new AbortController()
  const response = client.response({ head }).catch((error: Error) => error instanceof Truncated ? (client.unread.length > 0 ? 'a response was cut off in its head' : undefined) : String(error))
  const result = await Promise.race([response, wait(patience, undefined, { signal: late.signal }).catch(() => undefined)])
  late.abort()
  if (typeof result === 'object') Lane.statuses.set(result.status, (Lane.statuses.get(result.status) ?? 0) + 1)
  return result
}

function leaks ({ body }: RawResponse): string[] {
  const internal = INTERNALS.exec(body.toString('latin1'))?.[0]
  return internal === undefined ? [] : [`a body tells ${internal}`]
}
