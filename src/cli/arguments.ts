import { parseArgs } from 'node:util'
import type { ParseArgsConfig } from 'node:util'
import { parseDuration } from '../probe/duration.js'
import { UsageError } from './usage-error.js'

const LONGEST = 24 * 3_600_000

/** The arguments of a subcommand. Throws UsageError for an unknown option. */
export function readOptions<T extends NonNullable<ParseArgsConfig['options']>> (command: string, args: readonly string[], options: T): ReturnType<typeof parseArgs<{ allowPositionals: true, options: T }>> {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options })
  } catch (error) {
    // The first sentence is enough: Node goes on to explain how to write a value that begins with a dash.
    throw new UsageError(`${command}: ${(error as Error).message.split(/[.\n]/, 1)[0]!}`)
  }
}

/** A duration, in ms: from 1 ms to 24 h. */
export function readDuration (command: string, option: string, text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms < 1 || ms > LONGEST) throw new UsageError(`${command}: --${option}: ${JSON.stringify(text)} is no duration; give 500ms, 65s or 2m, at most 24h`)
  return ms
}

/** A whole number from 1 to `most`. */
export function readCount (command: string, option: string, text: string, most = Number.MAX_SAFE_INTEGER): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0
  if (count < 1 || count > most) throw new UsageError(`${command}: --${option}: ${JSON.stringify(text)} is no count ${most === Number.MAX_SAFE_INTEGER ? 'above 0' : `from 1 to ${most}`}`)
  return count
}
