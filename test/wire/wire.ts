// Gives random responses to our parser and to three other clients, and prints where they differ:
//
//   npm run wire -- [--messages 50000] [--seed N] [--h11 every nth]
//
// The seed is printed, and determines every message. A difference that is not in classes.ts fails, and is printed with as few bytes as
// possible.
import { parseArgs } from 'node:util'
import { Dice } from '../fuzz/message.js'
import { minimisedBytes, show } from '../fuzz/minimise.js'
import { judge } from './differential.js'
import { messageBy } from './message.js'
import type { Message } from './message.js'
import { H11 } from './oracles/h11.js'
import { nodeClient } from './oracles/node-http.js'
import { undiciClient } from './oracles/undici.js'

const AT_ONCE = 64
const MOST_SHOWN = 12

const { values } = parseArgs({ options: { messages: { type: 'string', default: '50000' }, seed: { type: 'string' }, h11: { type: 'string', default: '1' } } })
const count = Number(values.messages)
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed)
const every = Number(values.h11)
const h11 = H11.start()
console.log(`seed ${seed}, ${count} messages; oracles: undici, node:http, ${h11 === undefined ? 'no h11: python3-h11 is not installed' : every === 1 ? 'h11' : `h11 for one in ${every}`}`)

interface Failed { readonly message: Message, readonly wrong: readonly string[] }

const dice = new Dice(seed)
const started = performance.now()
const failures: Failed[] = []
const verdicts = new Map<string, number>()
const byClass = new Map<string, { times: number, why: string }>()
const clients = [undiciClient, nodeClient]
let failed = 0

for (let done = 0; done < count; done += AT_ONCE) {
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - done) }, async (_, i) => {
    const message = messageBy(dice)
    const { listed, wrong, ours } = await judge(message, h11 !== undefined && (done + i) % every === 0 ? [...clients, h11] : clients)
    const kind = `${message.meaning === undefined ? 'changed' : 'ordinary'}, ${ours}`
    verdicts.set(kind, (verdicts.get(kind) ?? 0) + 1)
    for (const { seen: { oracle, kind }, by: { name, why } } of listed) {
      const key = `${name.padEnd(48)} ${oracle.padEnd(9)} ${kind}`
      byClass.set(key, { times: (byClass.get(key)?.times ?? 0) + 1, why })
    }
    if (wrong.length === 0) return
    failed++
    if (failures.length < 2_000) failures.push({ message, wrong })
  }))
}
console.log(`${((performance.now() - started) / 1_000).toFixed(0)} s; ${[...verdicts].sort().map(([kind, times]) => `${kind}: ${times}`).join('; ')}\n`)
for (const [key, { times, why }] of [...byClass].sort(([a], [b]) => a < b ? -1 : 1)) console.log(`${String(times).padStart(7)}  ${key.padEnd(74)}  ${why}`)

const oracles = h11 === undefined ? clients : [...clients, h11]
for (const [kind, { times, failed: { message, wrong } }] of kindsOf(failures)) {
  const small = await minimisedBytes(Buffer.concat(message.pieces), async bytes => {
    const again = await judge({ ...message, pieces: [bytes], meaning: undefined }, oracles)
    return again.wrong.some(what => kindOf(what) === kind)
  }, 400)
  console.log(`\n${times} times: ${wrong.join('; ')}\n  ${message.asked.method}${message.asked.upgrade === true ? ' with upgrade' : ''}, ${message.end}, ${message.pieces.length} pieces: ${show(small).slice(0, 1_000)}`)
}
await h11?.close()
console.log(`\n${count} messages, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

/** One example of each kind, and the count. */
function kindsOf (list: readonly Failed[]): Map<string, { times: number, failed: Failed }> {
  const kinds = new Map<string, { times: number, failed: Failed }>()
  for (const failed of list) {
    const kind = kindOf(failed.wrong[0]!)
    const known = kinds.get(kind)
    if (known !== undefined) known.times++
    else if (kinds.size < MOST_SHOWN) kinds.set(kind, { times: 1, failed })
  }
  return kinds
}

function kindOf (wrong: string): string {
  return wrong.slice(0, 60).replaceAll(/\d+/g, 'N')
}
