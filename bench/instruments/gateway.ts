import { type ChildProcess, fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GatewayOptions, Persistence, ProxyOptions, TargetSnapshot } from '../../src/index.js'
import { ended, urlOf } from '../../testing/child-server.js'
import { ChildQuestions } from './child-questions.js'
import { compile } from './compiled.js'

/** The setup of a gateway process, sent as JSON. */
export interface GatewaySetup {
  upstream: string
  gateway?: GatewayOptions
  proxy?: ProxyOptions
  /** The gateway serves https with these, in PEM. */
  https?: { cert: string, key: string }
  /** The gateway serves HTTP/2 in clear text, and nothing else. */
  http2?: boolean
  /** The app has an async preHandler and an async onSend, which take up to so many ms for every other request. */
  hooksTake?: number
  /** More routes, each with a prefix and an upstream; `proxy` holds for them too. */
  routes?: Array<{ prefix: string, upstream: string }>
  /** Kinds of requests that get a fresh connection each: `Target.keepApart`. */
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
  /** CPU time of the process so far, in us. */
  cpu: { user: number, system: number }
  heapUsed: number
  /** Physical memory of V8's heap, with the pages that it keeps free. */
  heapResident: number
  /** The kinds of the resources that keep the process alive, an entry a resource. */
  resources: string[]
}

export interface Answers {
  /** Undefined if the gateway is not Holdfast. */
  snapshot: TargetSnapshot | undefined
  /** Snapshots of all targets. */
  snapshots: TargetSnapshot[]
  changes: PersistenceChange[]
  usage: Usage
  /** `app.close()` is done; the process still answers questions. */
  close: undefined
}

export type Question = keyof Answers

let entry: string | undefined

/** A gateway in a process of its own. */
export class Gateway {
  readonly url: string
  readonly #child: ChildProcess
  readonly #questions: ChildQuestions

  constructor (child: ChildProcess, url: string) {
    this.url = url
    this.#child = child
    this.#questions = new ChildQuestions(child, 'the gateway process')
  }

  get port (): number {
    return Number(new URL(this.url).port)
  }

  get pid (): number {
    return this.#child.pid!
  }

  /** Open files of the process, sockets included. */
  get openFiles (): number {
    return readdirSync(`/proc/${this.pid}/fd`).length
  }

  /** Resident memory of the process, in bytes. */
  get residentBytes (): number {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'latin1'))?.[1]) * 1024
  }

  async ask<Name extends Question> (name: Name): Promise<Answers[Name]> {
    return await this.#questions.ask({ name }) as Answers[Name]
  }

  async snapshot (): Promise<TargetSnapshot> {
    const snapshot = await this.ask('snapshot')
    if (snapshot === undefined) throw new Error('this gateway has no managed target')
    return snapshot
  }

  /** Ends the process at once. */
  async stop (): Promise<void> {
    await ended(this.#child, () => this.#child.disconnect())
  }
}

/**
 * Starts a gateway process; the caller stops it. Its guard against pressure is off unless the setup has it, so that a busy machine does not
 * change the outcome.
 */
export async function startGateway (setup: GatewaySetup, nodeArguments: string[] = []): Promise<Gateway> {
  entry ??= compile()
  const child = fork(join(import.meta.dirname, 'gateway-process.ts'), [JSON.stringify({ ...setup, gateway: { pressure: false, ...setup.gateway }, entry })], {
    execArgv: ['--import=tsx', ...nodeArguments],
    // Not JSON: a snapshot may hold Infinity.
    serialization: 'advanced'
  })
  return new Gateway(child, await urlOf(child, 'the gateway process'))
}
