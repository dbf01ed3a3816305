import { type ChildProcess, fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GatewayOptions, Persistence, ProxyOptions, TargetSnapshot } from '../../src/index.js'
import { ended, urlOf } from '../../testing/child-server.js'
import { compile } from './compiled.js'

/** What a gateway process is started with; it goes there as JSON. */
export interface GatewaySetup {
  upstream: string
  gateway?: GatewayOptions
  proxy?: ProxyOptions
  /** The gateway itself serves https with these, in PEM. */
  https?: { cert: string, key: string }
  /** It serves HTTP/2 in clear text, and nothing else. */
  http2?: boolean
  /** Its app has an async preHandler and an async onSend, which take up to this many ms for every other request. */
  hooksTake?: number
  /** More routes, a prefix and an upstream each; `proxy` holds for them too. */
  routes?: Array<{ prefix: string, upstream: string }>
  /** Kinds of requests that each get a connection of their own, which stays: `Target.keepApart`. */
  apart?: string[]
  /** Stock @fastify/http-proxy in place of Holdfast, with these pool settings. */
  stock?: object
}

export interface PersistenceChange {
  from: Persistence
  to: Persistence
  cause: string
  /** `Date.now()` */
  at: number
}

export interface Usage {
  /** Of the process so far, in us. */
  cpu: { user: number, system: number }
  heapUsed: number
  /** What V8's heap has in memory, with what it keeps for later. */
  heapResident: number
  /** The kinds of what would keep the process alive, one entry each. */
  resources: string[]
}

export interface Answers {
  /** Undefined where the gateway is not Holdfast. */
  snapshot: TargetSnapshot | undefined
  /** Of all targets. */
  snapshots: TargetSnapshot[]
  changes: PersistenceChange[]
  usage: Usage
  /** `app.close()` is done; the process goes on answering. */
  close: undefined
}

export type Question = keyof Answers

let entry: string | undefined

/** A gateway in a process of its own. */
export class Gateway {
  readonly url: string
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve (answer: unknown): void, reject (error: Error): void }>()
  #lastId = 0

  constructor (child: ChildProcess, url: string) {
    this.url = url
    this.#child = child
    child.on('message', ({ id, answer, error }: { id: number, answer?: unknown, error?: string }) => {
      if (error === undefined) this.#waiting.get(id)?.resolve(answer)
      else this.#waiting.get(id)?.reject(new Error(error))
      this.#waiting.delete(id)
    })
    child.once('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the gateway process ended with ${signal ?? code}`))
    })
  }

  get port (): number {
    return Number(new URL(this.url).port)
  }

  get pid (): number {
    return this.#child.pid!
  }

  /** Files, sockets among them, that the process has open. */
  get openFiles (): number {
    return readdirSync(`/proc/${this.pid}/fd`).length
  }

  /** What of the process is in memory, in bytes. */
  get residentBytes (): number {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'latin1'))?.[1]) * 1024
  }

  async ask<Name extends Question> (name: Name): Promise<Answers[Name]> {
    const id = ++this.#lastId
    return await new Promise<Answers[Name]>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject })
      this.#child.send({ id, name })
    })
  }

  async snapshot (): Promise<TargetSnapshot> {
    const snapshot = await this.ask('snapshot')
    if (snapshot === undefined) throw new Error('this gateway has no managed target')
    return snapshot
  }

  /** Ends the process, whatever it is doing. */
  async stop (): Promise<void> {
    await ended(this.#child, () => this.#child.disconnect())
  }
}

/**
 * Starts a gateway process; the caller stops it. It refuses nothing under pressure unless its setup says so: how busy the
 * machine is, is not what is measured.
 */
export async function startGateway (setup: GatewaySetup, nodeArguments: string[] = []): Promise<Gateway> {
  entry ??= compile()
  const child = fork(join(import.meta.dirname, 'gateway-process.ts'), [JSON.stringify({ ...setup, gateway: { pressure: false, ...setup.gateway }, entry })], {
    execArgv: ['--import=tsx', ...nodeArguments],
    // JSON has no Infinity, which a snapshot may hold.
    serialization: 'advanced'
  })
  return new Gateway(child, await urlOf(child, 'the gateway process'))
}
