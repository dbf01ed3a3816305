#!/usr/bin/env node
import { UsageError } from './usage-error.js'

/** A subcommand: takes its arguments, prints, and resolves to the exit code. Throws UsageError for what it cannot understand. */
export type Command = (args: readonly string[]) => Promise<number>

const COMMANDS: Record<string, { readonly summary: string, readonly load: () => Promise<{ readonly command: Command }> }> = {
  probe: { summary: 'measure what a backend does with its connections, and where it does not do what it says', load: () => import('./probe.js') },
  check: { summary: 'read an app\'s settings without serving, and say which will be regretted', load: () => import('./check.js') }
}

// As shells and most tools have it: 1 for what was found, 2 for what was asked wrongly.
const FAILED = 1
const MISUSED = 2

const HELP = `Usage: holdfast <command> [options]

Commands:
${Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(8)}${summary}`).join('\n')}

holdfast <command> --help says more.
`

async function main ([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP)
    return name === undefined ? MISUSED : 0
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (entry === undefined) throw new UsageError(`${JSON.stringify(name)} is no command; holdfast --help lists them`)
  const { command } = await entry.load()
  return command(args)
}

main(process.argv.slice(2)).then(
  leave,
  (error: unknown) => {
    const usage = error instanceof UsageError
    process.stderr.write(`holdfast: ${usage ? error.message : error instanceof Error ? error.stack : String(error)}\n`)
    leave(usage ? MISUSED : FAILED)
  }
)

// Not left to the event loop: an app that was loaded would keep the process. What has been printed gets out first.
function leave (code: number): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
}
