import { wholeOf } from './oracles/outcome.js'
import type { Outcome, ReadMessage } from './oracles/outcome.js'
import type { Meaning } from './generated.js'

/**
 * How an oracle differs from our parser. `refuses`, `waits`: our parser has a whole response, and the oracle refuses it, or waits for more.
 * `ours refuses`, `ours waits`: the reverse. `otherwise`: both have a whole response, with different contents. `ends`: our parser keeps the
 * connection, and the oracle does not.
 */
export type Kind = 'refuses' | 'waits' | 'otherwise' | 'ends' | 'ours refuses' | 'ours waits'

export interface Difference { readonly kind: Kind, readonly what: string }

/** The difference; undefined if both read the same, or neither has a whole response. */
export function difference (ours: Outcome, theirs: Outcome): Difference | undefined {
  const our = wholeOf(ours)
  const their = wholeOf(theirs)
  if (our === undefined && their === undefined) return undefined
  if (their === undefined) return theirs.refused === undefined ? { kind: 'waits', what: 'goes on reading' } : { kind: 'refuses', what: theirs.refused }
  if (our === undefined) return ours.refused === undefined ? { kind: 'ours waits', what: `reads a whole ${their.status}` } : { kind: 'ours refuses', what: ours.refused }
  const otherwise = unlike(responsesOf(ours), responsesOf(theirs))
  if (otherwise !== undefined) return { kind: 'otherwise', what: otherwise }
  // A connection that ends with its response has ended for both.
  if (our.keepAlive === true && their.keepAlive === false) return { kind: 'ends', what: 'ends the connection' }
  return undefined
}

/** The first difference of two readings; undefined without one. */
export function unlike (one: readonly Meaning[], other: readonly Meaning[]): string | undefined {
  if (one.length !== other.length) return `${one.length} responses and ${other.length}`
  for (const [i, a] of one.entries()) {
    const b = other[i]!
    if (a.status !== b.status) return `status ${a.status} and ${b.status}`
    if (a.upgraded !== b.upgraded) return `${a.upgraded ? 'a tunnel' : 'a response'} and ${b.upgraded ? 'a tunnel' : 'a response'}`
    const lines = unlikeLines(a.lines, b.lines) ?? unlikeLines(a.trailers, b.trailers)
    if (lines !== undefined) return lines
    if (a.body !== b.body) return `a body of ${a.body.length} bytes and one of ${b.body.length}`
  }
  return undefined
}

function unlikeLines (one: readonly string[], other: readonly string[]): string | undefined {
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    if (one[i] !== other[i]) return `${JSON.stringify(one[i])} and ${JSON.stringify(other[i])}`
  }
  return undefined
}

/** Our parser reports no 100. */
function responsesOf ({ messages }: Outcome): ReadMessage[] {
  return messages.filter(({ status }) => status !== 100)
}
