// RFC 8941 section 3. Sticky: each is tried at one place only, and takes characters that the next one cannot take, so that no character
// of a field is looked at more than a few times, whatever a backend writes.
const SPACES = / */y
const WHITE_SPACE = /[ \t]*/y
const STRING = /"(?:[ !#-[\]-~]|\\["\\])*"/y
const TOKEN = /[A-Za-z*][\w!#$%&'*+.^`|~:/-]*/y
const KEY = /[a-z*][a-z0-9_.*-]*/y
const NUMBER = /-?\d{1,15}(?:\.\d{1,3})?(?![\d.])/y
const BYTES = /:[A-Za-z0-9+/=]*:/y
const BOOLEAN = /\?[01]/y
// A decimal has at most so many digits before its point.
const LONGEST_INTEGER_PART = 12

/**
 * Whether a field is a list of RFC 8941 whose members are strings or tokens with parameters, as RFC 9209 section 2 has them, and can be
 * followed by another member. In time linear in its length.
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

// Each begins with a character of its own: one of them at most matches.
function pastFirst (patterns: readonly RegExp[], field: string, at: number): number {
  for (const pattern of patterns) {
    const end = past(pattern, field, at)
    if (end !== -1) return end
  }
  return -1
}

/** Where what matches there ends, or -1. */
function past (pattern: RegExp, field: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(field) ? pattern.lastIndex : -1
}
