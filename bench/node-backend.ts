import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { BackendCounts } from './backends.js'

export interface NodeBackendSetup {
  /** Bytes to add to its answers. */
  size?: number
  maxRequestsPerSocket?: number
}

/** A real node:http server in a process of its own. */
export class NodeBackend {
  readonly url: string
  readonly #child: ChildProcess

  constructor (child: ChildProcess, url: string) {
    this.#child = child
    this.url = url
  }

  async counts (): Promise<BackendCounts> {
    const answered = once(this.#child, 'message')
    this.#child.send('counts')
    return (await answered)[0] as BackendCounts
  }

  async stop (): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }
}

/** Starts a server that answers with the id of the request. The caller stops it. */
export async function startNodeBackend (setup: NodeBackendSetup = {}): Promise<NodeBackend> {
  const child = fork(join(import.meta.dirname, 'node-backend-process.ts'), [JSON.stringify(setup)], { execArgv: ['--import=tsx'] })
  const [{ url }] = await once(child, 'message') as [{ url: string }]
  return new NodeBackend(child, url)
}
