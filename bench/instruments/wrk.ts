import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface WrkSetup {
  /** Seconds, in steps of 0.1. */
  readonly seconds: number
  /** @default 64 */
  readonly connections?: number
  /** Header lines of each request. With `Connection: close` each request uses a new connection. */
  readonly headers?: readonly string[]
  /** The path of a Lua script, for other methods, bodies or paths. */
  readonly script?: string
}

export interface WrkResult {
  readonly requests: number
  /** How long it took, in s. */
  readonly seconds: number
  /** Answers other than 2xx and 3xx, and connections that failed. */
  readonly errors: number
  /** Latency at full load, in ms. */
  readonly p50: number
  readonly p99: number
}

/** Full load by wrk, in a process of its own. Rejects if wrk is not installed. */
export async function wrk (url: string, { seconds, connections = 64, headers = [], script }: WrkSetup): Promise<WrkResult> {
  const running = run('wrk', [
    '-t1', `-c${connections}`, `-d${Math.ceil(seconds)}s`, '--latency',
    ...headers.flatMap((header) => ['-H', header]),
    ...script === undefined ? [] : ['-s', script],
    url
  ])
  // wrk takes whole seconds. An interrupt ends it early, and it still prints its results.
  const part = Number.isInteger(seconds) ? undefined : setTimeout(() => running.child.kill('SIGINT'), seconds * 1e3)
  const { stdout } = await running.finally(() => clearTimeout(part))
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0)
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1).map(Number) ?? []
  const [, count, took] = /(\d+) requests in ([\d.]+\w+),/.exec(stdout) ?? []
  return {
    requests: Number(count ?? 0),
    seconds: milliseconds(took) / 1e3,
    errors: number(/Non-2xx or 3xx responses: (\d+)/) + socketErrors.reduce((sum, n) => sum + n, 0),
    p50: milliseconds(/50%\s+([\d.]+\w+)/.exec(stdout)?.[1]),
    p99: milliseconds(/99%\s+([\d.]+\w+)/.exec(stdout)?.[1])
  }
}

const UNITS: Record<string, number> = { us: 1e-3, ms: 1, s: 1e3, m: 6e4 }

/** Reads a time as wrk writes it, like 1.25ms. */
function milliseconds (text: string | undefined): number {
  const [, amount, unit = ''] = /^([\d.]+)([a-z]+)$/.exec(text ?? '') ?? []
  return Number(amount) * (UNITS[unit] ?? NaN)
}
