// RFC 8941 section 3. Each expression is sticky: it is tried at one position only. It matches characters that the next expression cannot
// match. So each character of a field is read a few times at most, whatever a backend writes.
const SPACES = / */y
const WHITE_SPACE = /[ \t]*/y
const STRING = /"(?:[ !#-[\]-~]|\\["\\])*"/y
const TOKEN = /[A-Za-z*][\w!#$%&'*+.^`|~:/-]*/y
const KEY = /[a-z*][a-z0-9_.*-]*/y
const NUMBER = /-?\d{1,15}(?:\.\d{1,3})?(?![\d.])/y
const BYTES = /:[A-Za-z0-9+/=]*:/y
const BOOLEAN = /\?[01]/y
// The most digits that a decimal may have before its point.
const LONGEST_INTEGER_PART = 12

/**
 * Whether a field is a list of RFC 8941 whose members are strings or tokens with parameters, as in RFC 9209 section 2, so that another
 * member can be appended. Takes time linear in the field's length.
 */
export function isMemberList (field: string): boolean {
  let at = past(SPACES, field, 0)
  for (;;) {
    at = pastMember(field, at)
    if (at === -1) return false
    if (past(SPACES, field, at) === field.length) return true
    at = past(WHITE_SPACE, field, at)
    if (field[at] !== ',') return false
    at = past(WHITE_SPACE, field, at + 1)
  }
}

function pastMember (field: string, start: number): number {
  let at = pastFirst([STRING, TOKEN], field, start)
  while (at !== -1 && field[at] === ';') at = pastParameter(field, at)
  return at
}

function pastParameter (field: string, semicolon: number): number {
  const at = past(KEY, field, past(SPACES, field, semicolon + 1))
  if (at === -1 || field[at] !== '=') return at
  const value = pastFirst([STRING, TOKEN, BYTES, BOOLEAN], field, at + 1)
  return value === -1 ? pastNumber(field, at + 1) : value
}

function pastNumber (field: string, start: number): number {
  const at = past(NUMBER, field, start)
  if (at === -1) return -1
  const [integer, fraction] = field.slice(start, at).replace('-', '').split('.')
  return fraction !== undefined && integer!.length > LONGEST_INTEGER_PART ? -1 : at
}

// Each pattern begins with different characters, so at most one of them matches.
function pastFirst (patterns: readonly RegExp[], field: string, at: number): number {
  for (const pattern of patterns) {
    const end = past(pattern, field, at)
    if (end !== -1) return end
  }
  return -1
}

/** Where the match at `at` ends, or -1 where there is none. */
function past (pattern: RegExp, field: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(field) ? pattern.lastIndex : -1
}
