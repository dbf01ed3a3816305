import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { ended } from '../../testing/child-server.js'

/** Requests at a rate that does not depend on how fast they are answered; what is sent when is determined by the seed. */
export interface SteadyLoad {
  url: string
  /** What a server's certificate has to be signed by, in PEM. */
  ca?: string
  /** Requests a second; their gaps are exponential. */
  rate: number
  seconds: number
  seed: number
  /** How many clients take turns, each with a connection that it keeps; absent, each request is a new client, with a connection of its own. */
  keepAlive?: number
  /** Whose CPU time to tell: what they use from the first request to the last answer. */
  pids: number[]
}

export interface SteadyResult {
  requests: number
  /** By what went wrong. */
  wrong: Record<string, number>
  /** CPU time of each process, in us. */
  cpu: number[]
  /** From the dial, or the write where the connection stands, to the last byte, in ms. */
  p50: number
  p99: number
}

/** Clients in a process of their own. New ones know no session, so that each pays for a whole TLS handshake. */
export class SteadyClients {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'steady-clients-process.ts'), { execArgv: ['--import=tsx'] })

  async load (load: SteadyLoad): Promise<SteadyResult> {
    const answered = once(this.#child, 'message')
    this.#child.send(load)
    return (await answered)[0] as SteadyResult
  }

  async stop (): Promise<void> {
    await ended(this.#child, () => this.#child.disconnect())
  }
}
