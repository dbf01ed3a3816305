import { distance } from 'fastest-levenshtein'

// Words of a unit of time at the end of a name: KEEP_ALIVE_TIMEOUT_MS is meant by KEEP_ALIVE_TIMEOUT and KEEP_ALIVE_TIMEOUT_SECONDS.
const UNITS = new Set(['MS', 'MSEC', 'MSECS', 'MILLIS', 'MILLISECONDS', 'S', 'SEC', 'SECS', 'SECONDS'])
// A name of one such word is near many others: PORTS, POST, HOSTS and SUPPORT are variables of other programs.
const SHORT_WORD = 5
// A shorter text has too many neighbours for two errors.
const LONG_WORD = 6
const LONG_NAME = 8

/**
 * Whether a name of an environment variable is most likely a misspelling of `own`: by case, separators, a plural, a unit of time, the order
 * of its words, or a slip of the keyboard in them. Names that other programs use must not be near, so each word is compared for itself.
 */
export function isNear (name: string, own: string): boolean {
  if (name === own) return false
  const folded = fold(name)
  const right = fold(own)
  if (folded === right) return true
  const given = wordsOf(name)
  const words = wordsOf(own)
  if (words.length === 1 && own.length < SHORT_WORD) return given.length === 1 && isSlipOfShort(folded, right)
  if (given.length === words.length) return areNear(given, words) || sameWords(given, words)
  // KEEPALIVE_TIMEOUT, ADMINPROT
  return right.length >= LONG_NAME && Math.min(slips(given.join(''), words.join('')), slips(folded, right)) <= 1
}

/** Whether a name is near `own`, by a wider measure: for a file in which each name is meant for this program. */
export function isNearInFile (name: string, own: string): boolean {
  if (isNear(name, own)) return true
  const folded = fold(name)
  const right = fold(own)
  const most = right.length < SHORT_WORD ? 1 : right.length <= 10 ? 2 : 3
  return slips(folded, right) <= most
}

function areNear (given: readonly string[], words: readonly string[]): boolean {
  const errors = given.map((word, i) => errorsIn(word, words[i]!))
  return errors.every(count => count !== Infinity) && errors.reduce((sum, count) => sum + count, 0) <= 2
}

function sameWords (given: readonly string[], words: readonly string[]): boolean {
  return [...given].sort().join() === [...words].sort().join()
}

/** How many slips make one word of the other; Infinity where that many make another word. */
function errorsIn (given: string, word: string): number {
  const count = slips(given, word)
  if (count === 0) return 0
  if (isSwap(given, word)) return 1
  if (word.length < LONG_WORD) return count === 1 && word.length > 3 && given[0] === word[0] ? 1 : Infinity
  return count <= 2 ? count : Infinity
}

function isSlipOfShort (given: string, word: string): boolean {
  return word.length > 3 && (isSwap(given, word) || isDoubled(given, word))
}

function slips (given: string, word: string): number {
  return isSwap(given, word) ? 1 : distance(given, word)
}

/** Whether two neighbours have changed places. */
function isSwap (given: string, word: string): boolean {
  if (given.length !== word.length || given === word) return false
  const at = [...word].findIndex((letter, i) => letter !== given[i])
  return given === word.slice(0, at) + word[at + 1] + word[at] + word.slice(at + 2)
}

/** Whether one letter is there twice, as in PPORT. */
function isDoubled (given: string, word: string): boolean {
  return given.length === word.length + 1 && [...word].some((letter, i) => given === word.slice(0, i) + letter + word.slice(i))
}

/** A name in upper case, without separators. */
export function fold (name: string): string {
  return name.toUpperCase().replace(/[^A-Z\d]/g, '')
}

/** The words of a name, without its unit, each without the ending of a plural or a participle: PROXIES, TRUSTED. */
function wordsOf (name: string): readonly string[] {
  const words = name.toUpperCase().split(/[^A-Z\d]+/).filter(word => word !== '')
  if (words.length > 1 && UNITS.has(words.at(-1)!)) words.pop()
  // A single short word is compared as it stands: PORTS and HOSTS are other programs' variables.
  const shortest = words.length > 1 ? SHORT_WORD - 1 : SHORT_WORD + 1
  return words.map(word => word.length < shortest ? word : word.replace(/IES$/, 'Y').replace(/(?:S|ED)$/, ''))
}
