import t from 'tap'
import { unlike } from './compare.js'
import { corpus } from './corpus/all.js'
import { ASKED } from './corpus/case.js'
import type { CorpusCase } from './corpus/case.js'
import { judge } from './differential.js'
import { H11 } from './oracles/h11.js'
import { nodeClient } from './oracles/node-http.js'
import { readByOurs } from './oracles/ours.js'
import type { OurOutcome } from './oracles/ours.js'
import { wholeOf } from './oracles/outcome.js'
import type { Asked } from './oracles/outcome.js'
import { undiciClient } from './oracles/undici.js'

const GET: Asked = { method: 'GET' }
/** Longer responses are split at a few places only. */
const LONG = 2_000
const FEW = 12

const bytesOf = ({ text }: CorpusCase): Buffer => Buffer.from(text, 'latin1')
const verdictOf = (outcome: OurOutcome): string => wholeOf(outcome) !== undefined ? 'whole' : outcome.refused !== undefined ? 'refused' : 'waits'

t.test('each response of the corpus is read as expected', async t => {
  for (const of of corpus) {
    const { name, is, asked = GET, end = 'open', either = false } = of
    const outcome = readByOurs([bytesOf(of)], end, asked)
    const message = wholeOf(outcome)
    const verdict = verdictOf(outcome)
    const wanted = typeof is === 'string' ? is : 'whole'
    if (either && verdict === 'refused') continue
    if (verdict !== wanted) t.fail(`${name}: ${verdict}, not ${wanted}${outcome.refused === undefined ? '' : ` (${outcome.refused})`}`)
    else if (typeof is !== 'string') t.match(message, { upgraded: false, ...is }, name)
  }
})

t.test('each response of the corpus is the same wherever its bytes are split, whatever was asked', async t => {
  for (const of of corpus) {
    const bytes = bytesOf(of)
    const end = of.end ?? 'open'
    const step = bytes.length <= LONG ? 1 : Math.ceil(bytes.length / FEW)
    for (const asked of ASKED) {
      const whole = readByOurs([bytes], end, asked)
      const same = (pieces: Buffer[], how: string): void => {
        const split = readByOurs(pieces, end, asked)
        const other = verdictOf(split) !== verdictOf(whole) ? `${verdictOf(split)} and ${verdictOf(whole)}` : split.refused !== undefined ? undefined : unlike(split.messages, whole.messages)
        if (other !== undefined) t.fail(`${of.name}, ${JSON.stringify(asked)}, ${how}: ${other}`)
      }
      for (let at = 1; at < bytes.length; at += step) same([bytes.subarray(0, at), bytes.subarray(at)], `split at ${at}`)
      if (bytes.length <= LONG) same([...bytes].map(byte => Buffer.of(byte)), 'byte by byte')
    }
  }
  t.ok(corpus.length > 150, `${corpus.length} responses`)
})

t.test('each response of the corpus is the same to other clients, or is listed with its reason, whatever was asked', async t => {
  const h11 = H11.start()
  t.teardown(() => h11?.close())
  const oracles = [undiciClient, nodeClient, ...h11 === undefined ? [] : [h11]]
  for (const of of corpus) {
    for (const asked of ASKED) {
      const { wrong } = await judge({ pieces: [bytesOf(of)], end: of.end ?? 'open', asked, meaning: undefined }, oracles)
      if (wrong.length > 0) t.fail(`${of.name}, ${JSON.stringify(asked)}: ${wrong.join('; ')}`)
    }
  }
})
