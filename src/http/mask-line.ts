import { mayHaveSecret, masked } from './mask-url.js'
import { secretNames } from './secret-names.js'
import type { IsSecret, MaskedNames } from './secret-names.js'

/** Masks one line of a log. */
export type MaskLine = (line: string) => string

const MARK = /[=@]|%(?:25)*3d/gi
// A word of a JSON text. A quote or a backslash in it is escaped, and an escaped control character ends it.
// Of white space, that of ASCII alone: any other may stand in a URL.
const WORD = /(?:[^ \t\r\n"\\]|\\["\\/])+/y
// Most often, what stands around a URL in a sentence. A secret may end in it, which then shows this one character.
const CLOSING = /(?:\\"|')$/

/**
 * Makes a function that masks the secrets of all URLs in a line of JSON, whichever field or message they stand in: for pino's
 * `hooks.streamWrite`. A line without `=`, `%` and `@` costs three searches.
 *
 * @param names as those of `maskUrl`
 */
export function lineMask (names?: MaskedNames): MaskLine {
  const isSecret = secretNames(names)
  return isSecret === undefined ? line => line : line => mayHaveSecret(line) ? maskedLine(line, isSecret) : line
}

function maskedLine (line: string, isSecret: IsSecret): string {
  let result = ''
  let copied = 0
  MARK.lastIndex = 0
  for (let match = MARK.exec(line); match !== null; match = MARK.exec(line)) {
    const from = wordStart(line, copied, match.index)
    WORD.lastIndex = from
    const word = WORD.exec(line)?.[0].replace(CLOSING, '') ?? ''
    const end = from + word.length
    if (end <= match.index) continue
    // `masked` has a `lastIndex` of its own.
    result += line.slice(copied, from) + masked(word, isSecret)
    copied = MARK.lastIndex = end
  }
  return copied === 0 ? line : result + line.slice(copied)
}

function wordStart (line: string, floor: number, at: number): number {
  for (let i = at - 1; i >= floor; i--) if (ENDS.test(line[i]!)) return i + 1
  return floor
}

const ENDS = /[ \t\r\n"\\]/
