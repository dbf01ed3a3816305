import { wrongValue } from './environment-error.js'
import { prefixFault } from './upstream-prefix.js'
import { readEntryUpstream, upstreamsFault } from './upstream-list.js'
import type { EntryUpstream } from './upstream-list.js'

/** One entry of UPSTREAMS: requests under `prefix` go to `upstream`. */
export interface UpstreamEntry extends EntryUpstream {
  readonly prefix: string
}

const EXAMPLE = '/users=http://users:3000'
const LONGEST_SHOWN = 200
const A_FILE = /^(?:\.{1,2}\/|~\/|@|file:)|\.(?:json|ya?ml|toml|txt|conf|env)$/i
// Kubernetes expands $(NAME) and no other form; .env files and systemd expand none; a template that was not rendered has {{ }}.
const PLACEHOLDER = /\$\{?\w|\$\(|\{\{|%(?![\da-f]{2})[a-z_]\w*%/i
// An @ behind a user, as it is or encoded.
const A_USER = /@|%40/i
const A_URL = /^[a-z][a-z\d+.-]*:\/\//i

/**
 * Reads one entry. Throws EnvironmentError.
 *
 * @param entry without white space around it
 * @param list all of UPSTREAMS: a comma in a password splits an entry, so with an @ anywhere it is shown without its URLs
 */
export function readEntry (entry: string, list: string): UpstreamEntry {
  const fault = textFault(entry) ?? formFault(entry)
  if (fault !== undefined) throw wrongValue('UPSTREAMS', shown(entry, list), fault)
  const at = entry.indexOf('=')
  const prefix = entry.slice(0, at).trim()
  const upstream = entry.slice(at + 1).trim()
  const wrong = prefixFault(prefix, upstream) ?? upstreamsFault(upstream)
  if (wrong !== undefined) throw wrongValue('UPSTREAMS', shown(entry, list), wrong)
  return Object.freeze({ prefix: prefix.length > 1 ? prefix.replace(/\/$/, '') : prefix, ...readEntryUpstream(upstream) })
}

// What is found anywhere in an entry, before its parts are known.
function textFault (entry: string): string | undefined {
  if (/["'`]/.test(entry)) return 'has quotes in it, and they are part of the value here; leave them out'
  if (PLACEHOLDER.test(entry)) return 'has a placeholder that nothing has expanded; write its value'
  if (/[\r\n]/.test(entry)) return 'has a line break in it; separate entries by commas'
  if (entry.includes(';')) return 'has a semicolon in it; separate entries by commas'
  if (entry.split(/[=|]/).some(part => /\s/.test(part.trim()))) return 'has a blank in it; separate entries by commas'
  return undefined
}

function formFault (entry: string): string | undefined {
  if (entry.includes('=')) return undefined
  if (A_FILE.test(entry)) return `is the path of a file, and UPSTREAMS holds the entries themselves; give them like ${EXAMPLE}`
  if (A_URL.test(entry)) {
    return `has no prefix; write prefix=upstream, like ${EXAMPLE}. ` +
      'Several backends of one prefix have a | between their URLs: /users=http://a:3000|http://b:3000'
  }
  if (!entry.startsWith('/')) return `is no entry; give a prefix and its upstream, like ${EXAMPLE}`
  return entry.includes('://')
    ? `has no = between its prefix and its upstream; write it like ${EXAMPLE}`
    : `has no upstream; write prefix=upstream, like ${EXAMPLE}`
}

/** The entry without what may be a password or a token. */
function shown (entry: string, list: string): string {
  const text = A_USER.test(list) ? `${/^\/[\w./~-]*=/.exec(entry)?.[0] ?? ''}***` : withoutQuery(entry)
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text
}

function withoutQuery (entry: string): string {
  const at = entry.search(/[?#]/)
  return at === -1 ? entry : `${entry.slice(0, at + 1)}***`
}
