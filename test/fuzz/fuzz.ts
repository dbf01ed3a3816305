// Sends requests and responses that were valid until random changes, and holds the gateway to its rules:
//
//   npx tsx test/fuzz/fuzz.ts [--messages 20000] [--seed N] [--lanes 16]
//
// The seed is printed, and determines every message. A failing message is made as small as possible, and printed as a case to keep.
import { parseArgs } from 'node:util'
import { GatewayChild } from '../rules/gateway-child.js'
import { Lane, kindOf as appOf } from './lane.js'
import type { Kind } from './lane.js'
import { Dice } from './message.js'
import type { Message } from './message.js'
import { asCase, minimised } from './minimise.js'
import { mutatedMessage } from './mutation.js'

const MOST_FAILURES = 10

const { values } = parseArgs({ options: { messages: { type: 'string', default: '20000' }, seed: { type: 'string' }, lanes: { type: 'string', default: '16' } } })
const count = Number(values.messages)
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed)
console.log(`seed ${seed}, ${count} messages`)

interface Failed { readonly message: Message, readonly wrong: string[] }

const dice = new Dice(seed)
const started = performance.now()
const failures: Failed[] = []
let child = new GatewayChild()
let sent = 0
let crashes = 0

await child.ready
await Promise.all(Array.from({ length: Number(values.lanes) }, async (_, i) => {
  let own = child
  const lanes = new Map<Kind, Lane>()
  const close = async (): Promise<void> => {
    for (const lane of lanes.values()) await lane.close()
    lanes.clear()
  }
  while (sent < count && failures.length < MOST_FAILURES * 4) {
    sent++
    const message = mutatedMessage(dice)
    const kind = appOf(message.way)
    const lane = lanes.get(kind) ?? await Lane.open(own, { websocket: i % 4 === 0, kind })
    lanes.set(kind, lane)
    const wrong = await lane.run(message)
    if (wrong.length > 0) failures.push({ message, wrong })
    if (own.crashed === undefined) continue
    if (child === own) {
      crashes++
      child = new GatewayChild()
    }
    own = child
    await close()
    await own.ready
  }
  await close()
}))
const seconds = (performance.now() - started) / 1_000
console.log(`${sent} messages in ${seconds.toFixed(0)} s, ${failures.length} failed, ${crashes} times the process died`)
console.log(`answers: ${[...Lane.statuses].sort(([a], [b]) => a - b).map(([status, times]) => `${status} ${times}`).join(', ')}`)

for (const [kind, { message, wrong }] of kindsOf(failures)) {
  const again = await failureOf(message)
  if (again === undefined) {
    console.log(`\nonce, and not again: ${wrong.join('; ')}\n${asCase(message, wrong)}`)
    continue
  }
  const small = await minimised(message, async candidate => {
    const found = await failureOf(candidate)
    return found !== undefined && kindOf(found) === kind
  })
  console.log(`\n${again.join('; ')}\n${asCase(small, again)}`)
}
await child.kill()
process.exitCode = failures.length > 0 ? 1 : 0

/** One failure of each kind. */
function kindsOf (list: readonly Failed[]): Map<string, Failed> {
  const kinds = new Map<string, Failed>()
  for (const failed of list) if (!kinds.has(kindOf(failed.wrong)) && kinds.size < MOST_FAILURES) kinds.set(kindOf(failed.wrong), failed)
  return kinds
}

function kindOf (wrong: readonly string[]): string {
  return wrong[0]!.slice(0, 40).replaceAll(/\d+/g, 'N')
}

/** Runs a message alone, in a lane of its own. */
async function failureOf (message: Message): Promise<string[] | undefined> {
  if (child.crashed !== undefined) child = new GatewayChild()
  await child.ready
  const lane = await Lane.open(child, { kind: appOf(message.way) })
  const wrong = await lane.run(message)
  await lane.close()
  return wrong.length === 0 ? undefined : wrong
}
