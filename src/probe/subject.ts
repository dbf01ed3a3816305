import type { Dial, Dialer } from '../connection/dial.js'
import { createDialer } from '../connection/dial.js'
import { HoldfastError, ignoreError } from '../errors.js'
import type { ConnectOptions } from '../options/option-types.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import { resolveTargetOptions } from '../options/target-options.js'
import type { BackendSocket } from '../wire/backend-socket.js'
import { ProbedConnection } from './probed-connection.js'
import { RawConnection } from './raw-connection.js'

// In bytes. A larger answer is cut, and the probe says so: it would take too long to measure connections with.
const LARGEST_ANSWER = 16 * 1_048_576

export interface SubjectSettings {
  readonly headers: readonly string[]
  readonly connect: ConnectOptions
  readonly answerTimeout: number
}

/** The backend under measurement. Dials connections to it, and ends them all when the probe is over. */
export class Subject {
  readonly url: URL
  readonly connect: ConnectOptions
  /** How long each dial took, in ms. */
  readonly dials: number[] = []
  readonly #settings: SubjectSettings
  readonly #options: ResolvedTargetOptions
  readonly #dialer: Dialer
  readonly #connections = new Set<ProbedConnection | RawConnection>()
  /** Called when the probe is over. */
  readonly #pending = new Set<() => void>()
  #over = false
  #lastId = 0

  constructor (url: URL, settings: SubjectSettings) {
    this.url = url
    this.connect = settings.connect
    this.#settings = settings
    this.#options = resolveTargetOptions({}, { undiciOptions: { connect: settings.connect, maxResponseSize: LARGEST_ANSWER } })
    this.#dialer = createDialer(url, this.#options.undiciOptions, () => performance.now())
  }

  /** Whether the probe is over: no dial and no wait begins any more. */
  get over (): boolean {
    return this.#over
  }

  /** How long one answer may take, in ms. */
  get answerTimeout (): number {
    return this.#settings.answerTimeout
  }

  /** Whether every request has a header of that name, in lower case, that the user has given. */
  sends (name: string): boolean {
    return this.#settings.headers.some((given, i) => i % 2 === 0 && given.toLowerCase() === name)
  }

  /** Dials a connection as the gateway would use it. Rejects with a HoldfastError, also when the probe is over. */
  open (): Promise<ProbedConnection> {
    const { pathname, search, origin } = this.url
    const { headers, answerTimeout } = this.#settings
    return this.#dial(socket => new ProbedConnection(socket, {
      id: ++this.#lastId, origin, path: pathname + search, headers, options: this.#options, answerTimeout
    }))
  }

  /** Dials a connection with no HTTP client on it. Rejects as `open` does. */
  openRaw (): Promise<RawConnection> {
    return this.#dial(socket => new RawConnection(socket))
  }

  /** The bytes of a request without a body, as they are written to a raw connection. */
  requestHead (method: 'GET' | 'HEAD'): string {
    const { pathname, search, host } = this.url
    const { headers } = this.#settings
    const lines = [`${method} ${pathname}${search} HTTP/1.1`, ...this.sends('host') ? [] : [`Host: ${host}`], 'Connection: keep-alive']
    for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
    return `${lines.join('\r\n')}\r\n\r\n`
  }

  #dial<T extends ProbedConnection | RawConnection> (connectionOn: (socket: BackendSocket) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(new HoldfastError('HOLDFAST_ERR_DRAINING'))
      const began = performance.now()
      const dial: Dial = this.#dialer((error, socket) => {
        this.#pending.delete(abandon)
        if (error !== undefined) return reject(error)
        this.dials.push(performance.now() - began)
        const connection = connectionOn(socket!)
        this.#connections.add(connection)
        connection.closed.then(() => this.#connections.delete(connection), ignoreError)
        resolve(connection)
      })
      const abandon = (): void => {
        dial.abandon()
        reject(new HoldfastError('HOLDFAST_ERR_DRAINING'))
      }
      this.#pending.add(abandon)
    })
  }

  /** Resolves after that many ms, or when the probe is over. */
  async wait (ms: number): Promise<void> {
    if (this.#over) return
    await new Promise<void>(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        this.#pending.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#pending.add(done)
    })
  }

  /** Calls `end` when the probe is over. Returns a function that cancels this. */
  whenOver (end: () => void): () => void {
    this.#pending.add(end)
    return () => this.#pending.delete(end)
  }

  /** Ends every connection and every wait. Requests under way fail. */
  end (): void {
    this.#over = true
    for (const end of this.#pending) end()
    this.#pending.clear()
    for (const connection of this.#connections) connection.destroy()
  }
}
