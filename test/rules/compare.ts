// Runs the cases against Holdfast and against stock @fastify/http-proxy, and prints both:
//
//   npx tsx test/rules/compare.ts [section, or word of a name] [--why]
import { sections } from './sections.js'
import { Runner } from './runner.js'
import type { Outcome } from './runner.js'

const words = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
const why = process.argv.includes('--why')
const chosen = sections.map(({ name, cases }) => ({ name, cases: cases.filter(one => words.every(word => one.name.includes(word) || name === word)) }))
const all = chosen.flatMap(({ cases }) => cases)

const ours = await outcomes(false)
const stock = await outcomes(true)
const width = Math.min(100, Math.max(...all.map(({ name }) => name.length)))
let at = 0
for (const { name, cases } of chosen) {
  if (cases.length === 0) continue
  console.log(`\n${name.padEnd(width)}  holdfast  http-proxy`)
  for (const one of cases) {
    const [mine, theirs] = [ours.list[at]!, stock.list[at]!]
    at++
    console.log(`${one.name.padEnd(width)}  ${mark(mine).padEnd(8)}  ${mark(theirs)}`)
    if (!why) continue
    for (const text of mine.wrong) console.log(`    holdfast: ${text}`)
    for (const text of theirs.wrong) console.log(`    http-proxy: ${text}`)
  }
}
console.log(`\n${'passed'.padEnd(width)}  ${total(ours.list)}  ${total(stock.list)}`)
console.log(`${'processes brought down'.padEnd(width)}  ${String(ours.crashes).padEnd(8)}  ${stock.crashes}`)

async function outcomes (isStock: boolean): Promise<{ list: Outcome[], crashes: number }> {
  const runner = await Runner.start({ stock: isStock })
  try {
    return { list: await runner.runAll(all), crashes: runner.crashes }
  } finally {
    await runner.close()
  }
}

function mark ({ wrong, crashed }: Outcome): string {
  return crashed ? 'CRASH' : wrong.length === 0 ? 'pass' : 'fail'
}

function total (list: Outcome[]): string {
  return `${list.filter(({ wrong }) => wrong.length === 0).length}/${list.length}`.padEnd(8)
}
