import { type ChildProcess, fork } from 'node:child_process'
import type { EndpointChange, EndpointSnapshot, GivenEndpoint, Provenance, TargetSnapshot } from '../../src/index.js'
import { ended, urlOf } from '../../testing/child-server.js'
import { ChildQuestions } from '../instruments/child-questions.js'
import { usageOf, type ProcessUsage } from '../instruments/process-usage.js'
import { processes } from './processes.js'

/** A route of the gateway: options of `proxy`. */
export interface Route extends Options {
  readonly prefix?: string
  /** `pushed`: a discovery function that yields the lists of `push`. */
  readonly upstream: string | readonly GivenEndpoint[] | { readonly pushed: readonly GivenEndpoint[] }
}

/** Options of Holdfast, as JSON can hold them. */
export interface Options { readonly [option: string]: unknown }

export interface EndpointsSetup {
  readonly gateway?: Options
  readonly routes: readonly Route[]
}

/** `at`: `epochMs()` of the gateway. */
export type TimedChange = EndpointChange & { readonly target: string, readonly at: number }

/** A request that got an answer of 500 or more, or had to wait long. */
export interface Failure {
  /** Its X-Id. */
  readonly id: string
  readonly status: number
  readonly provenance: Provenance | undefined
}

export interface Churn {
  readonly changesPerSecond: number
  readonly seconds: number
  readonly port: number
  /** How many endpoints there are at any time. */
  readonly size: number
  /** `function`: a discovery function that yields lists; `set`: `target.endpoints.set`. */
  readonly by: 'function' | 'set'
}

/** What the process is asked, and its answers. */
export interface Questions {
  snapshot: { of: { target?: string }, answer: TargetSnapshot }
  endpoints: { of: { target?: string }, answer: EndpointSnapshot[] }
  /** Calls a method of `target.endpoints`. */
  call: { of: { target?: string, method: 'set' | 'drain' | 'undrain' | 'eject' | 'restore', args: readonly unknown[] }, answer: undefined }
  push: { of: { list: readonly GivenEndpoint[] }, answer: undefined }
  changes: { of: object, answer: TimedChange[] }
  /** Addresses of endpoints that were drained, in order. */
  drained: { of: object, answer: string[] }
  failures: { of: object, answer: Failure[] }
  /** Changes of persistence: `127.0.0.2:80 persistent -> non-persistent: cause`. */
  beliefs: { of: object, answer: string[] }
  /** Lines of the log at `warn` and above. */
  log: { of: object, answer: string[] }
  /** The longest pause of the event loop since the last question, in ms. */
  lag: { of: object, answer: number }
  /** The heap after garbage collection, in bytes. What was recorded of endpoints is forgotten before. */
  heap: { of: object, answer: number }
  /** Resolves when it is over, with the number of changes. */
  churn: { of: Churn, answer: number }
}

/** A gateway in a process of its own, over targets with endpoints. */
export class EndpointsGateway {
  readonly url: string
  readonly #child: ChildProcess
  readonly #questions: ChildQuestions

  constructor (child: ChildProcess, url: string) {
    this.url = url
    this.#child = child
    this.#questions = new ChildQuestions(child, 'the gateway')
  }

  get usage (): ProcessUsage { return usageOf(this.#child.pid!) }

  async ask<Name extends keyof Questions> (name: Name, of: Questions[Name]['of']): Promise<Questions[Name]['answer']> {
    return await this.#questions.ask({ name, of }) as Questions[Name]['answer']
  }

  async call (method: Questions['call']['of']['method'], ...args: unknown[]): Promise<void> {
    await this.ask('call', { method, args })
  }

  /** Resolves when the endpoints are as wanted. Rejects after some seconds. */
  async until (holds: (endpoints: readonly EndpointSnapshot[]) => boolean, within = 10_000): Promise<void> {
    for (const deadline = performance.now() + within; ;) {
      const endpoints = await this.ask('endpoints', {})
      if (holds(endpoints)) return
      if (performance.now() > deadline) throw new Error(`after ${within} ms ${holds.toString()} does not hold: ${states(endpoints)}`)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }

  /** Ends the process at once. */
  async stop (): Promise<void> {
    await ended(this.#child, () => this.#child.kill('SIGKILL'))
  }
}

/** `127.0.0.2:3000 up, 127.0.0.3:3000 ejected` */
export function states (endpoints: readonly EndpointSnapshot[]): string {
  return endpoints.map(({ address, state }) => `${address} ${state}`).join(', ')
}

/** Starts a gateway; the caller stops it. Its guard against pressure is off, so that a busy machine does not change the outcome. */
export async function startEndpointsGateway (setup: EndpointsSetup): Promise<EndpointsGateway> {
  const { entry, gateway } = processes()
  const whole = { ...setup, gateway: { pressure: false, ...setup.gateway }, entry }
  const child = fork(gateway, {
    execArgv: ['--expose-gc'],
    // Not JSON: a snapshot may hold Infinity.
    serialization: 'advanced'
  })
  child.send(whole)
  return new EndpointsGateway(child, await urlOf(child, 'the gateway'))
}
