import { classOf } from './classes.js'
import type { Class, Seen } from './classes.js'
import { difference, unlike } from './compare.js'
import type { Message } from './message.js'
import { readByOurs } from './oracles/ours.js'
import { wholeOf } from './oracles/outcome.js'
import type { Oracle } from './oracles/outcome.js'

/** How a message was read: intended differences, and wrong ones. */
export interface Verdict {
  readonly listed: ReadonlyArray<{ seen: Seen, by: Class }>
  readonly wrong: readonly string[]
  /** Our parser's reading, in a word. */
  readonly ours: 'whole' | 'refused' | 'waits'
}

/** Reads a message with our parser and the oracles. */
export async function judge (message: Message, oracles: readonly Oracle[]): Promise<Verdict> {
  const { pieces, end, asked, meaning } = message
  const bytes = Buffer.concat(pieces)
  const ours = readByOurs(pieces, end, asked)
  const whole = wholeOf(ours)
  const wrong: string[] = []
  const listed: Array<{ seen: Seen, by: Class }> = []
  const inOne = readByOurs([bytes], end, asked)
  // It does not matter how much was reported of a response before it was refused.
  const bySplit = (inOne.refused === undefined) !== (ours.refused === undefined) ? `${ours.refused} and ${inOne.refused}` : ours.refused !== undefined ? undefined : unlike(ours.messages, inOne.messages)
  if (bySplit !== undefined) wrong.push(`in pieces it is read otherwise than in one: ${bySplit}`)
  if (meaning !== undefined) {
    const unmeant = whole === undefined ? ours.refused ?? 'its end is waited for' : unlike(meaning, ours.messages)
    if (unmeant !== undefined) wrong.push(`an ordinary response is not read as it was meant: ${unmeant}`)
  }
  const readings = await Promise.all(oracles.map(oracle => oracle.read(pieces, end, asked)))
  for (const [i, theirs] of readings.entries()) {
    const found = difference(ours, theirs)
    if (found === undefined) continue
    const seen: Seen = { ...found, text: bytes.toString('latin1'), asked, oracle: oracles[i]!.name, ours, theirs }
    const by = classOf(seen)
    if (by === undefined) wrong.push(`${seen.oracle} ${seen.kind}: ${seen.what}`)
    else listed.push({ seen, by })
  }
  return { listed, wrong, ours: whole !== undefined ? 'whole' : ours.refused !== undefined ? 'refused' : 'waits' }
}
