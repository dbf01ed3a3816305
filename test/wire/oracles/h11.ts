import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { REPOSITORY } from '../../../testing/program.js'
import type { Oracle, Outcome } from './outcome.js'

// Debian's python first, since another python on the path does not find Debian's packages.
const PYTHONS = ['/usr/bin/python3', 'python3']

/** h11 (Debian: python3-h11), an unrelated parser, in one process for all messages. */
export class H11 implements Oracle {
  readonly name = 'h11'
  readonly #process: ChildProcessByStdio<Writable, Readable, null>
  readonly #waiting: Array<{ resolve: (outcome: Outcome) => void, reject: (error: Error) => void }> = []

  private constructor (python: string) {
    this.#process = spawn(python, [join(REPOSITORY, 'test/wire/oracles/read_by_h11.py')], { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#process.stdout }).on('line', line => {
      const { messages, refused } = JSON.parse(line) as { messages: Outcome['messages'], refused: string | null }
      this.#waiting.shift()?.resolve({ messages, refused: refused ?? undefined })
    })
    this.#process.on('exit', code => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`h11 left with ${code}`))
    })
    this.#process.stdin.on('error', () => {})
  }

  /** Undefined without a python that has h11. */
  static start (): H11 | undefined {
    const python = PYTHONS.find(python => spawnSync(python, ['-c', 'import h11'], { stdio: 'ignore' }).status === 0)
    return python === undefined ? undefined : new H11(python)
  }

  async read (pieces: readonly Buffer[], end: 'fin' | 'open', { method, upgrade = false }: { method: string, upgrade?: boolean }): Promise<Outcome> {
    const line = JSON.stringify({ pieces: pieces.map(piece => piece.toString('latin1')), end, method, upgrade })
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#process.stdin.write(`${line}\n`)
    })
  }

  async close (): Promise<void> {
    const left = new Promise(resolve => this.#process.once('exit', resolve))
    this.#process.stdin.end()
    await left
  }
}
