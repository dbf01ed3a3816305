import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './real-nginx.js'

/** A real unbound on a port of its own of loopback, which knows the names below `test.` that it is given, and no others. */
export class Unbound {
  /** `127.0.0.1:port` */
  readonly address: string
  readonly #child: ChildProcess
  readonly #directory: string

  constructor (child: ChildProcess, directory: string, port: number) {
    this.#child = child
    this.#directory = directory
    this.address = `127.0.0.1:${port}`
  }

  /** Adds a record: `users.test. 2 IN A 10.0.0.1`. */
  add (record: string): void {
    this.#control('local_data', record)
  }

  /** Removes all records of a name. It exists no more where no name below it does. */
  remove (name: string): void {
    this.#control('local_data_remove', name)
  }

  async stop (): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit')
      this.#child.kill()
      await exited
    }
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #control (...args: string[]): void {
    execFileSync('unbound-control', ['-c', join(this.#directory, 'unbound.conf'), ...args], { stdio: 'ignore' })
  }
}

/** Starts unbound. The caller stops it. Rejects with its log if it does not start. */
export async function startUnbound (): Promise<Unbound> {
  // The path of a socket is short.
  const directory = mkdtempSync(join(tmpdir(), 'unbound-'))
  const port = await freePort()
  const file = join(directory, 'unbound.conf')
  writeFileSync(file, `
server:
  interface: 127.0.0.1
  port: ${port}
  do-daemonize: no
  use-syslog: no
  logfile: ""
  verbosity: 1
  username: ""
  chroot: ""
  directory: "${directory}"
  pidfile: "${directory}/pid"
  trust-anchor-file: ""
  module-config: "iterator"
  local-zone: "test." static
remote-control:
  control-enable: yes
  control-use-cert: no
  control-interface: ${directory}/control
`)
  const child = spawn('unbound', ['-d', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  await new Promise<void>((resolve, reject) => {
    const log: string[] = []
    createInterface(child.stderr).on('line', line => {
      log.push(line)
      if (line.includes('start of service')) resolve()
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(log.join('\n'))))
  })
  return new Unbound(child, directory, port)
}
