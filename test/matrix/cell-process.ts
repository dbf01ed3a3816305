// The child process: runs one cell after another, and reports what was wrong with each and with the process.
import './census.js'
import { turns } from './waiting.js'
import type { Cell } from './cell.js'

const trouble: string[] = []

process.on('uncaughtException', (error, origin) => trouble.push(`${origin === 'unhandledRejection' ? 'an unhandled rejection' : 'an uncaught exception'}, which ends a process: ${describe(error)}`))
process.on('warning', warning => trouble.push(`a warning: ${describe(warning)}`))
process.once('disconnect', () => process.exit())

// Imported after the census, which counts what is made from then on.
const { runCell } = await import('./run-cell.js')

process.on('message', (cell: Cell) => {
  run(cell).then(wrong => process.send?.({ wrong }), (error: unknown) => process.send?.({ wrong: [`the cell itself failed: ${describe(error)}`] }))
})
process.send?.({ ready: true })

async function run (cell: Cell): Promise<string[]> {
  trouble.length = 0
  const wrong = await runCell(cell)
  await turns()
  return [...new Set([...trouble.splice(0), ...wrong])]
}

function describe (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const where = error.stack?.split('\n').find(line => /\/(?:src|plugins|test)\//.test(line))?.trim().replace(/\(?(?:file:\/\/)?\/.*?\/((?:src|plugins|test)\/)/, '($1')
  return `${(error as { code?: string }).code ?? error.name}: ${error.message}${where === undefined ? '' : ` ${where}`}`
}
