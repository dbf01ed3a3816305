import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ended, urlOf } from '../../testing/child-server.js'
import type { Behaviour, FleetSetup, HostCounts, Order } from './fleet-orders.js'
import { processes } from './processes.js'

/** Backends in a process of their own, one at each address, on the same port. */
export class Fleet {
  readonly setup: FleetSetup
  readonly #directory: string
  readonly #waiting = new Map<number, (counts: { [host: string]: HostCounts }) => void>()
  #child: ChildProcess | undefined
  #lastId = 0
  #filling: Socket[] = []

  constructor (setup: FleetSetup) {
    this.setup = setup
    this.#directory = mkdtempSync(join(tmpdir(), 'fleet-'))
  }

  get urls (): string[] { return this.setup.hosts.map(host => `http://${host}:${this.setup.port}`) }

  /** Starts the process, also after its end. Resolves when all its addresses listen. */
  async start (): Promise<this> {
    const log = openSync(join(this.#directory, 'posts'), 'a')
    const child = spawn(process.execPath, [processes().fleet, JSON.stringify(this.setup)], {
      stdio: ['ignore', 'inherit', 'inherit', log, 'ipc']
    })
    closeSync(log)
    await urlOf(child, 'a process of backends')
    child.on('message', ({ id, counts }: { id: number, counts: { [host: string]: HostCounts } }) => {
      this.#waiting.get(id)?.(counts)
      this.#waiting.delete(id)
    })
    this.#child = child
    return this
  }

  /** Makes its addresses behave otherwise. @param hosts undefined: all of them */
  async behave (behaviour: Partial<Behaviour>, hosts?: readonly string[]): Promise<void> {
    await this.#order({ behaviour, ...hosts !== undefined && { hosts } })
  }

  /** What each address has counted, since the process was started. */
  async counts (): Promise<{ [host: string]: HostCounts }> {
    return await this.#order({})
  }

  /** Ends the process at once, as the kernel does to one that needs too much memory. */
  async kill (): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Asks the process to stop, as an orchestrator does. Resolves at its end. */
  async terminate (): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** Stops the process from running. The system still accepts connections for it. */
  freeze (): void {
    this.#child?.kill('SIGSTOP')
  }

  /**
   * Freezes the process, and fills its accept queues, so that dials have no answer at all: the system drops their SYNs. It needs a setup
   * with a short `backlog`.
   */
  async vanish (): Promise<void> {
    this.freeze()
    for (const host of this.setup.hosts) {
      // The queue takes one more than its length. Sockets beyond that get no answer.
      for (let n = 0; n < (this.setup.backlog ?? 0) + 4; n++) {
        this.#filling.push(connect({ host, port: this.setup.port }).on('error', () => {}))
      }
    }
    await new Promise(resolve => setTimeout(resolve, 20))
  }

  thaw (): void {
    for (const socket of this.#filling) socket.destroy()
    this.#filling = []
    this.#child?.kill('SIGCONT')
  }

  /** The POSTs that were executed, all its processes together: how often, by id. */
  executed (): Map<string, number> {
    const executed = new Map<string, number>()
    for (const line of readFileSync(join(this.#directory, 'posts'), 'utf8').split('\n')) {
      const [id = ''] = line.split(' ')
      if (id !== '') executed.set(id, (executed.get(id) ?? 0) + 1)
    }
    return executed
  }

  async stop (): Promise<void> {
    this.thaw()
    await this.#end('SIGKILL')
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #end (signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    await ended(child, () => child.kill(signal))
    this.#child = undefined
  }

  async #order (order: Omit<Order, 'id'>): Promise<{ [host: string]: HostCounts }> {
    const id = ++this.#lastId
    return await new Promise(resolve => {
      this.#waiting.set(id, resolve)
      this.#child?.send({ id, ...order })
    })
  }
}

/** The addresses of loopback from 127.0.0.`first` on. */
export function addresses (count: number, first = 2): string[] {
  return Array.from({ length: count }, (_, n) => `127.0.0.${first + n}`)
}

/** A port that is free at all these addresses. */
export async function portFor (hosts: readonly string[]): Promise<number> {
  for (;;) {
    const first = createServer().listen(0, hosts[0])
    await once(first, 'listening')
    const { port } = first.address() as { port: number }
    const others = hosts.slice(1).map(host => createServer().listen(port, host))
    const listening = await Promise.allSettled(others.map(async server => await once(server, 'listening')))
    for (const server of [first, ...others]) server.close()
    if (listening.every(({ status }) => status === 'fulfilled')) return port
  }
}

/** Starts backends. The caller stops them. */
export async function startFleet (setup: Omit<FleetSetup, 'port'> & { readonly port?: number }): Promise<Fleet> {
  return await new Fleet({ ...setup, port: setup.port ?? await portFor(setup.hosts) }).start()
}
