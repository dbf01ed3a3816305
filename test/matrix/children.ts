import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { program } from '../../testing/program.js'
import { type Cell, nameOf } from './cell.js'

/** The most processes of a run. */
export const MOST_CHILDREN = 40
// Cells have deadlines. If one takes longer than this, its process is blocked; in ms.
const STUCK = 40_000

export interface Failed { readonly cell: Cell, readonly wrong: readonly string[] }

/** Runs cells in `count` processes at a time. A process that dies or blocks fails its cell, and another process replaces it. */
export async function runCells (cells: readonly Cell[], count: number, told?: (failed: Failed) => void): Promise<{ failed: Failed[], children: number }> {
  const left = [...cells].reverse()
  const failed: Failed[] = []
  let children = 0

  async function work (): Promise<void> {
    let child: CellChild | undefined
    for (let cell = left.pop(); cell !== undefined; cell = left.pop()) {
      if (child === undefined) {
        if (++children > MOST_CHILDREN) throw new Error(`more than ${MOST_CHILDREN} processes died or stopped`)
        child = new CellChild()
      }
      const wrong = await child.run(cell)
      // A failed cell may leave something in its process, so the next cell gets a new process, up to the most.
      if (wrong.length > 0 && children + count < MOST_CHILDREN) child.kill()
      if (child.dead) child = undefined
      if (wrong.length === 0) continue
      const found = { cell, wrong }
      failed.push(found)
      told?.(found)
    }
    child?.kill()
  }
  await Promise.all(Array.from({ length: Math.min(count, cells.length) }, work))
  return { failed, children }
}

/** The report of a failed cell, with the command that runs it alone. */
export function describe ({ cell, wrong }: Failed): string {
  return `${nameOf(cell)}\n${wrong.map(what => `    ${what}\n`).join('')}    alone: npm run matrix -- --cell "${nameOf(cell)}"`
}

class CellChild {
  dead = false
  readonly #process: ChildProcess
  readonly #ready: Promise<unknown>
  #stderr = ''

  constructor () {
    this.#process = spawn(process.execPath, [...program(fileURLToPath(new URL('cell-process', import.meta.url)))], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'], env: { ...process.env, NODE_OPTIONS: '' } })
    this.#process.stderr?.on('data', (chunk: Buffer) => { this.#stderr = (this.#stderr + chunk.toString()).slice(-2_000) })
    this.#ready = this.#answer(STUCK)
  }

  async run (cell: Cell): Promise<string[]> {
    try {
      await this.#ready
      const answer = this.#answer(STUCK)
      this.#process.send(cell)
      return (await answer).wrong ?? []
    } catch (error) {
      this.kill()
      return [(error as Error).message]
    }
  }

  kill (): void {
    this.dead = true
    this.#process.kill('SIGKILL')
  }

  #answer (ms: number): Promise<{ wrong?: string[] }> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#process.off('message', onMessage).off('exit', onExit)
      }
      const onMessage = (message: { wrong?: string[] }): void => { settle(); resolve(message) }
      const onExit = (code: number | null, signal: string | null): void => { settle(); reject(new Error(`the process ended (${code ?? signal}): ${this.#stderr.slice(-600)}`)) }
      const timer = setTimeout(() => { settle(); reject(new Error(`the process has not answered for ${ms} ms`)) }, ms)
      this.#process.once('message', onMessage).once('exit', onExit)
    })
  }
}
