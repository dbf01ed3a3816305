// Every cause of a forwarding's end, at every step, for every protocol, with every kind of body:
//
//   npm run matrix -- [--cell "client resets / queue / http2 / streamed"] [--jobs 8] [--list]
//
// `--cell` takes some words of a name, separated by slashes, and runs all cells whose names have them.
import { parseArgs } from 'node:util'
import { allCells, cellsLike, impossibleCells } from './cells.js'
import { nameOf } from './cell.js'
import { describe, runCells } from './children.js'

const { values } = parseArgs({ options: { cell: { type: 'string' }, jobs: { type: 'string', default: '8' }, list: { type: 'boolean' } } })
const cells = values.cell === undefined ? allCells() : cellsLike(values.cell)

if (values.list === true) {
  for (const cell of cells) console.log(nameOf(cell))
} else {
  if (cells.length === 0) throw new Error(`no cell has ${values.cell} in its name; see --list`)
  const started = performance.now()
  const { failed, children } = await runCells(cells, Number(values.jobs), found => console.log(`\n${describe(found)}`))
  console.log(`\n${cells.length} cells, ${failed.length} failed, in ${children} processes and ${((performance.now() - started) / 1_000).toFixed(0)} s`)
  if (values.cell === undefined) {
    console.log('cells that cannot be:')
    for (const [why, count] of impossibleCells()) console.log(`  ${String(count).padStart(5)}  ${why}`)
  }
  process.exitCode = failed.length > 0 ? 1 : 0
}
