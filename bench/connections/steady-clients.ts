import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { ended } from '../../testing/child-server.js'

/** Requests at a rate that does not depend on the speed of answers. The seed determines what is sent when. */
export interface SteadyLoad {
  url: string
  /** The authority that signed the server's certificate, in PEM. */
  ca?: string
  /** Requests a second; their gaps are exponential. */
  rate: number
  seconds: number
  seed: number
  /**
   * How many clients take turns, each with a connection that it keeps. Without it each request comes from a new client on a new connection.
   */
  keepAlive?: number
  /** The processes whose CPU time is measured, from the first request to the last answer. */
  pids: number[]
}

export interface SteadyResult {
  requests: number
  /** Counts by what went wrong. */
  wrong: Record<string, number>
  /** CPU time of each process, in us. */
  cpu: number[]
  /** From the dial, or from the write on an open connection, to the last byte, in ms. */
  p50: number
  p99: number
}

/** Clients in a process of their own. New clients resume no TLS session, so each makes a whole handshake. */
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
