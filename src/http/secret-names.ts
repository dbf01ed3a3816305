/**
 * Names of parameters whose values are secrets: added to the default ones, or taken out of them by `!`. `false` or an empty list: nothing is
 * masked.
 */
export type MaskedNames = readonly string[] | false

/**
 * The names that are masked by default. `*` stands for any text. Upper case, `-` and `_` do not matter. From the lists of Rails, Sentry,
 * Elastic APM and OpenTelemetry, OAuth 2, OpenID Connect and SAML, and the signed URLs of AWS, Google and Azure.
 */
export const SECRET_NAMES: readonly string[] = [
  '*token', '*secret*', '*password*', '*passwd*', '*passphrase', '*passcode', '*pwd', '*signature', '*credential', '*credentials',
  '*assertion', '*verifier', '*authorization',
  '*api_key', '*access_key', '*access_key_id', '*account_key', '*app_key', '*auth_key', '*encryption_key', '*license_key', '*master_key',
  '*private_key', '*secret_key', '*shared_key', '*signing_key', '*subscription_key',
  '*session', '*session_id', '*sess_id', '*session_key', 'asp_session_id*',
  '*access_code', '*auth_code', '*authorization_code', '*security_code', '*verification_code',
  'auth', 'bearer', 'cookie', 'csrf', 'cvc', 'cvv', 'hmac', 'jwt', 'key', 'otp', 'pass', 'pin', 'pw', 'sid', 'sig', 'sso', 'ticket', 'totp',
  'xsrf',
  // OAuth 2 sends a code that is exchanged for tokens, and Azure Functions take their key as code.
  'code', 'device_code', 'user_code', 'id_token_hint', 'token_hash', 'saml_response'
]

/** Tells whether a parameter of this name has a secret as its value. The name is not percent-encoded. */
export type IsSecret = (name: string) => boolean

const FOLDED = /[-_+\s]/g
const SPLIT = /[.[\]]+/
const SPECIAL = /[\\^$.*+?()[\]{}|]/g
const NEVER = '(?!)'
/** One name, as `MaskedNames` may hold it. A name needs a character besides those that do not matter. */
export const NAME_PATTERN = /^!?\*?(?=[-_.[\]]*[^-_.[\]*])[^*!&;=?#\s,]+\*?$/

/** Why an entry of `MaskedNames` cannot be, as the rest of a sentence; undefined for one that can be. */
export function faultOfName (entry: unknown): string | undefined {
  if (typeof entry !== 'string') return 'is no name of a parameter; give a string like ssn'
  if (NAME_PATTERN.test(entry)) return undefined
  return 'is no name of a parameter; give one like ssn, *_ssn for all that end so, or !code to show a default one'
}

/**
 * Makes the test for names, of the default names and those that are given. A name like `user[token]` or `user.token` is a secret if one of
 * its parts is. Undefined where nothing is masked.
 */
export function secretNames (names: MaskedNames | undefined): IsSecret | undefined {
  if (names === undefined) return DEFAULT
  if (names === false || names.length === 0) return undefined
  const known = made.get(names)
  if (known !== undefined) return known
  const masked = new Patterns([...SECRET_NAMES, ...names.filter(name => !name.startsWith('!'))])
  const shown = new Patterns(names.filter(name => name.startsWith('!')).map(name => name.slice(1)))
  const isSecret = testOf(masked, shown)
  made.set(names, isSecret)
  return isSecret
}

// By the list that was given: a caller of `maskUrl` gives the same one each time.
const made = new WeakMap<readonly string[], IsSecret>()

/** Names, and names that begin or end with `*`. */
class Patterns {
  readonly #names = new Set<string>()
  // One expression, since a client may send hundreds of names in a URL.
  readonly #others: RegExp

  constructor (patterns: readonly string[]) {
    const others: string[] = []
    for (const pattern of patterns) {
      const bare = fold(pattern.replace(/^\*/, '').replace(/\*$/, '').replaceAll(/[.[\]]/g, ''))
      const [atStart, atEnd] = [pattern.startsWith('*'), pattern.length > 1 && pattern.endsWith('*')]
      if (atStart || atEnd) others.push(`${atStart ? '' : '^'}${bare.replaceAll(SPECIAL, '\\$&')}${atEnd ? '' : '$'}`)
      else this.#names.add(bare)
    }
    // Alternatives without a quantifier do not backtrack.
    // eslint-disable-next-line no-restricted-syntax -- made of names that are given at the start
    this.#others = new RegExp(others.join('|') || NEVER)
  }

  hasName (folded: string): boolean {
    return this.#names.has(folded)
  }

  has (folded: string): boolean {
    return this.#names.has(folded) || this.#others.test(folded)
  }
}

function testOf (masked: Patterns, shown: Patterns): IsSecret {
  const isMasked = (part: string): boolean => masked.has(part) && !shown.has(part)
  return name => {
    const parts = name.split(SPLIT)
    if (parts.length === 1) return isMasked(fold(name))
    const whole = fold(parts.join(''))
    if (shown.has(whole)) return false
    return masked.hasName(whole) || parts.some(part => isMasked(fold(part)))
  }
}

function fold (name: string): string {
  return name.toLowerCase().replaceAll(FOLDED, '')
}

const DEFAULT = testOf(new Patterns(SECRET_NAMES), new Patterns([]))
