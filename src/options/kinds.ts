import { isIP } from 'node:net'
import { HoldfastError, optionError } from '../errors.js'
import { NAME_PATTERN, faultOfName } from '../http/secret-names.js'
import { hostPatternFault } from './host-pattern.js'
import { LONGEST_TIMER } from './timer.js'

/** What values an option takes: how they are checked, and how TypeScript and JSON Schema say so. */
export interface Kind {
  /** What one of its numbers counts: `ms`, `bytes` ... ; absent where the value is no quantity. */
  readonly unit?: string
  /** The type of a value, as TypeScript has it. */
  readonly type: string
  /**
   * The values that JSON can hold, as JSON Schema has them; absent where it can hold none. JSON has no `Infinity`, so the kinds that take
   * it (`COUNT_OR_INFINITY`, `COUNT_ABOVE_ZERO_OR_INFINITY`) take `null` there.
   */
  readonly schema?: object
  /** Throws HOLDFAST_ERR_OPTION for a value that cannot be. Absent where what reads the option checks it. */
  readonly check?: (value: unknown, option: string) => void
}

function fail (option: string, value: unknown, remedy: string): never {
  throw optionError(option, value, remedy)
}

/** A value that `holds`, and the remedy for one that does not. */
export function holding (holds: (value: unknown) => boolean, remedy: string, type: string, schema?: object): Kind {
  return {
    type,
    ...schema === undefined ? {} : { schema },
    check: (value, option) => { if (!holds(value)) fail(option, value, remedy) }
  }
}

/** A whole number from `least` to `most`. */
export function whole (least: number, most: number, remedy = `must be a whole number from ${least} to ${most}`): Kind {
  const holds = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= least && (value as number) <= most
  return holding(holds, remedy, 'number', { type: 'integer', minimum: least, maximum: most })
}

/** One of a few values. */
export function oneOf (values: readonly (number | string)[], remedy: string): Kind {
  const type = values.map(value => typeof value === 'string' ? `'${value}'` : value).join(' | ')
  return holding(value => values.includes(value as number | string), remedy, type, { enum: values })
}

/** Numbers of a kind that count something: `ms`, `bytes` ... */
export function inUnit (unit: string, kind: Kind): Kind {
  return { ...kind, unit }
}

const time = (least: number): Kind => inUnit('ms', whole(least, LONGEST_TIMER, `is no time; give whole milliseconds from ${least} to ${LONGEST_TIMER}`))
const count = (least: number): Kind => whole(least, Number.MAX_SAFE_INTEGER, `is no count; give a whole number from ${least}`)

function orInfinity (kind: Kind): Kind {
  return {
    ...kind,
    schema: { ...kind.schema, type: ['integer', 'null'] },
    check: (value, option) => { if (value !== Infinity) kind.check!(value, option) }
  }
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)

export const TIME: Kind = time(0)
export const TIME_ABOVE_ZERO: Kind = time(1)
export const COUNT: Kind = count(0)
export const COUNT_ABOVE_ZERO: Kind = count(1)
export const COUNT_OR_INFINITY: Kind = orInfinity(COUNT)
export const COUNT_ABOVE_ZERO_OR_INFINITY: Kind = orInfinity(COUNT_ABOVE_ZERO)
export const BYTES: Kind = inUnit('bytes', COUNT)
export const BYTES_ABOVE_ZERO: Kind = inUnit('bytes', COUNT_ABOVE_ZERO)
export const BYTES_A_SECOND: Kind = inUnit('bytes/s', COUNT)
export const FLAG: Kind = holding(value => typeof value === 'boolean', 'must be true or false', 'boolean', { type: 'boolean' })
export const STRING: Kind = holding(isText, 'must be a string', 'string', { type: 'string' })
export const TEXT: Kind = holding(
  value => isText(value) && value !== '', 'must be a string that is not empty', 'string', { type: 'string', minLength: 1 }
)
export const STRINGS: Kind = holding(
  value => Array.isArray(value) && value.every(isText), 'must be an array of strings', 'string[]', { type: 'array', items: { type: 'string' } }
)
export const OBJECT: Kind = holding(isObject, 'must be an object', 'object', { type: 'object' })
export const FUNCTION: Kind = holding(value => typeof value === 'function', 'must be a function', 'Function')
/** An object of options, or a function in place of them. */
export const OBJECT_OR_FUNCTION: Kind = {
  ...OBJECT,
  type: 'object | Function',
  check: (value, option) => { if (typeof value !== 'function') OBJECT.check!(value, option) }
}
export const IP_ADDRESS: Kind = {
  ...TEXT,
  check: (value, option) => {
    TEXT.check!(value, option)
    if (isIP(value as string) === 0) fail(option, value, 'is no IP address')
  }
}

/** A port to listen on. */
export const PORT: Kind = whole(0, 65_535, 'is no port; give a whole number from 0 to 65535, 0 for any free one')

const HOST_PATTERN = /^[^\s/,]+$/

/** An address or a host name to listen on. */
export const HOST: Kind = holding(
  value => isText(value) && HOST_PATTERN.test(value), 'is no address or host name', 'string', { type: 'string', pattern: HOST_PATTERN.source }
)

const TOKEN_PATTERN = /^[\x21-\x7e]+$/
// 16 hexadecimal digits are 64 bits. Fewer characters are a word, or a placeholder.
const TOKEN_LENGTH = 16
const TOKEN_REMEDY = 'make one with: openssl rand -hex 32'

/**
 * What is wrong with a token, and the remedy; undefined for one that can be sent in a header and is long enough. The text does not show the
 * token.
 */
export function tokenFault (token: unknown): string | undefined {
  if (!isText(token) || !TOKEN_PATTERN.test(token)) return `is not a string of printable ASCII characters without spaces; ${TOKEN_REMEDY}`
  return token.length < TOKEN_LENGTH ? `has fewer than ${TOKEN_LENGTH} characters, so it can be guessed; ${TOKEN_REMEDY}` : undefined
}

/** A secret that stands in a header. No message holds it: messages are logged. */
export const TOKEN: Kind = {
  type: 'string',
  schema: { type: 'string', pattern: TOKEN_PATTERN.source, minLength: TOKEN_LENGTH },
  check: (value, option) => {
    const fault = tokenFault(value)
    if (fault !== undefined) throw new HoldfastError('HOLDFAST_ERR_OPTION', { message: `${option}: ${fault}` })
  }
}

/** Names and addresses that a `Host` header may have. */
export const HOST_PATTERNS: Kind = {
  ...STRINGS,
  check: (value, option) => {
    STRINGS.check!(value, option)
    for (const pattern of value as string[]) {
      const fault = hostPatternFault(pattern)
      if (fault !== undefined) fail(option, pattern, fault)
    }
  }
}

/** Names of parameters of URLs, or false. */
export const MASKED_NAMES: Kind = {
  type: 'readonly string[] | false',
  schema: { anyOf: [{ const: false }, { type: 'array', items: { type: 'string', pattern: NAME_PATTERN.source } }] },
  check: (value, option) => {
    if (value === false) return
    if (!Array.isArray(value)) fail(option, value, 'must be an array of names, or false for no masking')
    for (const [i, name] of (value as unknown[]).entries()) {
      const fault = faultOfName(name)
      if (fault !== undefined) fail(`${option}[${i}]`, name, fault)
    }
  }
}

/** A path that is served. */
export const PATH: Kind = holding(
  value => isText(value) && value.startsWith('/'), 'is no path; give one that begins with a slash, like /metrics', 'string',
  { type: 'string', pattern: '^/' }
)
