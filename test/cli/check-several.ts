import { command } from '../../src/cli/check.js'

// Each of the files named, one after the other, as `holdfast check --json` has it: a process for each would take its second.

const write = process.stdout.write
const outcomes: Record<string, { code?: number, output?: unknown, error?: string }> = {}
for (const file of process.argv.slice(2)) {
  let text = ''
  process.stdout.write = ((chunk: string, written?: () => void) => {
    text += chunk
    written?.()
    return true
  }) as typeof process.stdout.write
  try {
    const code = await command(['--json', file])
    outcomes[file] = { code, output: JSON.parse(text) }
  } catch (error) {
    outcomes[file] = { error: (error as Error).message }
  }
}
process.stdout.write = write
process.stdout.write(JSON.stringify(outcomes), () => process.exit(0))
