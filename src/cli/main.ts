#!/usr/bin/env node
import { closest } from '../options/unknown-names.js'
import { packageVersion } from './package-folder.js'
import { UsageError } from './usage-error.js'

/** A subcommand: takes its arguments, prints, and resolves to the exit code. Throws UsageError for arguments that it cannot understand. */
export type Command = (args: readonly string[]) => Promise<number>

const COMMANDS: Record<string, { readonly summary: string, readonly load: () => Promise<{ readonly command: Command }> }> = {
  serve: { summary: 'run the gateway as a server, configured by environment variables', load: () => import('./serve.js') },
  probe: { summary: 'measure what a backend does with its connections, and where it does not do what it says', load: () => import('./probe.js') },
  check: { summary: 'read an app\'s settings without serving, and say which will be regretted', load: () => import('./check.js') }
}

const HELPS = ['--help', '-h', 'help']
const VERSIONS = ['--version', '-v', '-V', 'version']

// The exit codes of most tools: 1 for a failure, 2 for wrong usage.
const FAILED = 1
const MISUSED = 2

const HELP = `Usage: holdfast <command> [options]

Commands:
${Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(8)}${summary}`).join('\n')}

holdfast <command> --help says more. holdfast --version prints the version.
`

async function main ([name, ...args]: readonly string[]): Promise<number> {
  if (VERSIONS.includes(name ?? '')) {
    process.stdout.write(`${packageVersion()}\n`)
    return 0
  }
  if (name === undefined || HELPS.includes(name)) {
    process.stdout.write(HELP)
    return name === undefined ? MISUSED : 0
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (entry === undefined) {
    const near = closest(name, new Set([...Object.keys(COMMANDS), ...HELPS, ...VERSIONS].filter(known => known.length > 2)))
    const hint = near === undefined ? '' : `did you mean ${near}? `
    throw new UsageError(`${JSON.stringify(name)} is no command; ${hint}holdfast --help lists them`)
  }
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

// A loaded app may keep the event loop alive, so the process is ended; but first, all that was printed is written.
function leave (code: number): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
}
