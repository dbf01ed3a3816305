import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

interface Surroundings { readonly cwd: string, readonly env?: NodeJS.ProcessEnv }

// Longer than any check takes on a busy machine, in ms.
const TIMEOUT = 300_000

/** Runs a program to its end, and returns what it printed. Rejects with all of that unless it exits with `code`. */
export async function ended (program: string, args: readonly string[], { cwd, env = {} }: Surroundings, code = 0): Promise<string> {
  const child = spawn(program, args, { cwd, env: surroundings(env), stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { output += chunk.toString() })
  const [status, signal] = await once(child, 'close') as [number | null, string | null]
  if (status !== code) throw new Error(`${program} ${args.join(' ')} in ${cwd}: ${status ?? signal}\n${output}`)
  return output
}

export interface Running {
  /** What it has printed until the text came, that included. Rejects if the process ends before. */
  printed (text: RegExp): Promise<RegExpExecArray>
  /** Ends it by SIGTERM; resolves to its exit code. */
  stop (): Promise<number | null>
}

/** Starts a program that runs until it is stopped. */
export function running (program: string, args: readonly string[], { cwd, env = {} }: Surroundings): Running {
  const child: ChildProcess = spawn(program, args, { cwd, env: surroundings(env), stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT })
  const closed = once(child, 'close') as Promise<[number | null]>
  let output = ''
  const waiting = new Set<() => void>()
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      for (const look of waiting) look()
    })
  }
  return {
    printed: text => new Promise((resolve, reject) => {
      const look = (): void => {
        const found = text.exec(output)
        if (found === null) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      closed.then(([code]) => reject(new Error(`${program} ${args.join(' ')} ended with ${code} before it printed ${text}:\n${output}`)), reject)
      look()
    }),
    stop: async () => {
      child.kill()
      return (await closed)[0]
    }
  }
}

// Nothing that npm or tsx has set for the process that runs the checks.
function surroundings (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'HTTPS_PROXY', 'https_proxy', 'NODE_EXTRA_CA_CERTS', 'npm_config_registry', 'npm_config_cache']
  return { ...Object.fromEntries(kept.flatMap(name => process.env[name] === undefined ? [] : [[name, process.env[name]]])), ...env }
}
