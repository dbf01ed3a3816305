import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { EXTENSION, REPOSITORY, program } from '../../testing/program.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const FROM_SOURCE = ['--import=tsx', 'src/server.ts']
const AS_THIS_PROCESS = program('src/server')
export const BUILT = ['dist/src/server.js']

interface Line { readonly msg: string, readonly level: number, readonly [name: string]: unknown }

/** A server process. */
export class Server {
  readonly process: ChildProcess
  readonly lines: Line[] = []
  readonly ended: Promise<{ code: number | null, signal: string | null }>
  stderr = ''
  readonly #waiting = new Set<() => void>()

  /** @param program replaces itself by the server: signals go to it */
  constructor (cwd: string, args: string[], env: NodeJS.ProcessEnv, program = process.execPath) {
    this.process = spawn(program, args, { cwd, env: { PATH: process.env['PATH'], PORT: '0', ADMIN_PORT: '0', SAMPLE_LOAD: '0', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.process.stderr!.on('data', (chunk: Buffer) => { this.stderr += chunk.toString() })
    createInterface(this.process.stdout!).on('line', line => {
      this.lines.push(JSON.parse(line) as Line)
      for (const ask of this.#waiting) ask()
    })
    // 'close' rather than 'exit': by then all of its output has been read.
    this.ended = once(this.process, 'close').then(([code, signal]) => {
      for (const ask of this.#waiting) ask()
      return { code: code as number | null, signal: signal as string | null }
    })
  }

  /** The first log line with a text. Rejects if the process ends before. */
  logged (text: string): Promise<Line> {
    return new Promise((resolve, reject) => {
      const ask = (): void => {
        const line = this.lines.find(({ msg }) => msg.includes(text))
        if (line !== undefined) resolve(line)
        else if (this.process.exitCode !== null || this.process.signalCode !== null) reject(new Error(`ended before it logged ${text}: ${this.stderr}`))
        else return
        this.#waiting.delete(ask)
      }
      this.#waiting.add(ask)
      ask()
    })
  }

  async url (): Promise<string> {
    const { msg } = await this.logged('Server listening at')
    return msg.slice(msg.indexOf('http'))
  }
}

/** Starts a server that ends with the test, on a free port and with only these variables. */
export function start (t: Test, env: NodeJS.ProcessEnv = {}, { cwd = copy(t), args = AS_THIS_PROCESS } = {}): Server {
  const server = new Server(cwd, args, env)
  t.teardown(async () => {
    server.process.kill('SIGKILL')
    await server.ended
  })
  return server
}

/** A clone of the repository without the user's .env and routes, of the sources or of the compiled files. */
export function copy (t: Test, routes: Record<string, string> = {}, extension = EXTENSION): string {
  // Below the repository, so that it finds its node_modules.
  const dir = t.testdir()
  const from = extension === '.ts' ? REPOSITORY : ROOT
  for (const name of ['src', 'plugins', 'routes']) cpSync(join(from, name), join(dir, name), { recursive: true, filter: path => [extension, '.json', ''].includes(extname(path)) })
  // From source, the admin surface reads its page there.
  cpSync(join(REPOSITORY, 'dashboard'), join(dir, 'dashboard'), { recursive: true })
  for (const name of ['package.json', 'tsconfig.json']) cpSync(join(ROOT, name), join(dir, name))
  for (const [name, text] of Object.entries(routes)) writeFileSync(join(dir, 'routes', name), text)
  return dir
}
