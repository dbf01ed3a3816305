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
    result += line.slice(copied, from) + maskedWord(word, isSecret)
    copied = MARK.lastIndex = end
  }
  return copied === 0 ? line : result + line.slice(copied)
}

function maskedWord (word: string, isSecret: IsSecret): string {
  if (!word.includes('\\')) return masked(word, isSecret)
  const plain = word.replaceAll(ESCAPE, '$1')
  const shown = masked(plain, isSecret)
  return shown === plain ? word : shown.replaceAll(ESCAPED, '\\$&')
}

/** Where the word begins that has a mark at a place: `WORD`, read backwards. */
function wordStart (line: string, floor: number, at: number): number {
  let from = at
  while (from > floor) {
    const before = line[from - 1]!
    if (BLANKS.has(before)) return from
    if (before !== '"' && before !== '\\') {
      from--
      continue
    }
    const quote = before === '"' ? 1 : 0
    const escapes = backslashesBefore(line, floor, from - quote)
    const isEscaped = escapes % 2 === 1
    // A string of the JSON text begins here, or a control character ends.
    if (quote === 1 && !isEscaped) return from
    if (quote === 0 && isEscaped && line[from] !== '/') return Math.min(at, from + lengthOfEscape(line, from))
    from -= quote + escapes
  }
  return from
}

function backslashesBefore (line: string, floor: number, at: number): number {
  let from = at
  while (from > floor && line[from - 1] === '\\') from--
  return at - from
}

/** The characters behind the backslash: 5 of `\u001b`, 1 of `\n`. None of what JSON does not have. */
function lengthOfEscape (line: string, at: number): number {
  CONTROL.lastIndex = at
  return CONTROL.exec(line)?.[0].length ?? 0
}

const BLANKS = new Set([' ', '\t', '\r', '\n'])
const CONTROL = /[bfnrt]|u[\da-f]{4}/iy
const ESCAPE = /\\(.)/g
const ESCAPED = /["\\]/g
