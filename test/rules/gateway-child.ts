import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { TargetSnapshot } from '../../src/index.js'
import { program } from '../../testing/program.js'
import type { CaseOptions } from './case.js'

export interface Setup extends CaseOptions {
  upstream: string
  canary: string
  /** Stock `@fastify/http-proxy` in place of the gateway. */
  stock: boolean
  /** The app serves HTTP/2 in clear text, and nothing else. */
  http2?: boolean
  /** The app has an async preHandler and an async onSend, which take up to so many ms. */
  hooksTake?: number
}

/** Open connections: those of clients, and those of the target (0 for the stock proxy). */
export interface State {
  clients: number
  connections: TargetSnapshot['connections'] | undefined
  /** Sentinels, which the other counts do not include. */
  sentinels: number
}

export type Question = { ask: 'open', setup: Setup } | { ask: 'state' | 'drain' | 'close', app: number }

interface Pending { resolve (answer: unknown): void, reject (error: Error): void }

/** A process with gateways in it, which may crash. */
export class GatewayChild {
  readonly #process: ChildProcess
  readonly #pending = new Map<number, Pending>()
  readonly #ready: Promise<void>
  readonly #gone: Promise<void>
  #id = 0
  #stderr = ''
  #crashed: string | undefined

  constructor () {
    this.#process = spawn(process.execPath, program(fileURLToPath(new URL('gateway-process', import.meta.url))), { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' })
    this.#process.stderr!.on('data', (chunk: Buffer) => { this.#stderr = (this.#stderr + chunk.toString()).slice(-20_000) })
    this.#ready = new Promise((resolve, reject) => {
      this.#process.once('message', () => resolve())
      this.#process.once('exit', () => reject(new Error(`the gateway process did not start: ${this.#stderr}`)))
    })
    this.#gone = new Promise(resolve => {
      this.#process.once('close', (code, signal) => {
        this.#crashed = /^\s*\w*Error\b.*$/m.exec(this.#stderr)?.[0].trim() ?? `exit ${code ?? signal}`
        for (const { reject } of this.#pending.values()) reject(new Error(`the gateway process died: ${this.#crashed}`))
        this.#pending.clear()
        resolve()
      })
    })
    this.#process.on('message', ({ id, answer, error }: { id: number, answer: unknown, error?: string }) => {
      const waiting = this.#pending.get(id)
      this.#pending.delete(id)
      if (error === undefined) waiting?.resolve(answer)
      else waiting?.reject(new Error(error))
    })
  }

  /** Resolves when it takes work. Rejects if it cannot start. */
  get ready (): Promise<void> {
    return this.#ready
  }

  /** Why it died; undefined while it lives. */
  get crashed (): string | undefined {
    return this.#crashed
  }

  /** Starts an app. Resolves to its port, which also names it. */
  async open (setup: Setup): Promise<number> {
    const { port } = await this.#ask({ ask: 'open', setup }) as { port: number }
    return port
  }

  async state (app: number): Promise<State> {
    return await this.#ask({ ask: 'state', app }) as State
  }

  async drain (app: number): Promise<void> {
    await this.#ask({ ask: 'drain', app })
  }

  async close (app: number): Promise<void> {
    await this.#ask({ ask: 'close', app })
  }

  /** Ends the process. */
  async kill (): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#gone
  }

  async #ask (question: Question): Promise<unknown> {
    await this.#ready
    if (this.#crashed !== undefined) throw new Error(`the gateway process died: ${this.#crashed}`)
    const id = ++this.#id
    return await new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      // If sending fails the process has died, and its end rejects this soon.
      this.#process.send({ id, question }, () => {})
    })
  }
}
