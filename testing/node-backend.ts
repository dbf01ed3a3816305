import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { program } from './program.js'
import type { BackendCounts } from './backend-counts.js'
import { ended, urlOf } from './child-server.js'

export interface NodeBackendSetup {
  /** Bytes to add to its answers. */
  size?: number
  maxRequestsPerSocket?: number
  /** Its idle timeout, in ms. Default: Node's own. */
  keepAliveMs?: number
  /** Serves https with these, in PEM. */
  tls?: { cert: string, key: string }
}

export interface NodeBackendCounts extends BackendCounts {
  /** TLS handshakes that it completed. */
  handshakes: number
}

/** A real node:http server in a process of its own. */
export class NodeBackend {
  readonly url: string
  readonly pid: number
  readonly #child: ChildProcess

  constructor (child: ChildProcess, url: string) {
    this.#child = child
    this.pid = child.pid!
    this.url = url
  }

  async counts (): Promise<NodeBackendCounts> {
    const answered = once(this.#child, 'message')
    this.#child.send('counts')
    return (await answered)[0] as NodeBackendCounts
  }

  async stop (): Promise<void> {
    await ended(this.#child, () => this.#child.disconnect())
  }
}

/** Starts a server that answers with the id of the request. The caller stops it. */
export async function startNodeBackend (setup: NodeBackendSetup = {}): Promise<NodeBackend> {
  const child = spawn(process.execPath, [...program(join(import.meta.dirname, 'node-backend-process')), JSON.stringify(setup)], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
  return new NodeBackend(child, await urlOf(child, 'the backend process'))
}
