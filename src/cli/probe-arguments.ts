import { readFileSync } from 'node:fs'
import { isDiscoveryUrl, parseDiscoveryUrl } from '../discovery/discovery-url.js'
import { readGivenList } from '../discovery/given-list.js'
import { HoldfastError } from '../errors.js'
import { isToken } from '../http/field-syntax.js'
import { DEFAULT_ANSWER_TIMEOUT, DEFAULT_CONNECTIONS, DEFAULT_REQUESTS } from '../probe/probe.js'
import type { ProbeOptions } from '../probe/probe.js'
import type { PlannedTarget } from '../probe/endpoints-found.js'
import { readCount, readDuration, readOptions } from './arguments.js'
import { UsageError } from './usage-error.js'

const DEFAULT_MAX_WAIT = '65s'
// Below 1 024, a common limit of open files, since the process needs some for other things.
const MOST_CONNECTIONS = 1_000
const MOST_REQUESTS = 1_000_000
// No backend serves this path, so the POST changes nothing. The report does not judge a refused POST: a served one may end otherwise.
const POST_PATH = '/.holdfast-probe'

/** What `holdfast probe --help` prints. */
export const HELP = `Usage: holdfast probe [options] <url>
       holdfast probe [options] '<url>|<url>|...'

Measures what a backend says of its connections and what it does: persistence, idle timeout, how it closes, requests a
connection, reuse after HEAD and POST, the price of connecting, and whether Via stops it from compressing. Says where it lies,
and what to set for it.

It sends GETs to the URL: some ${DEFAULT_REQUESTS} on one connection, one on each of ${DEFAULT_CONNECTIONS} others, which then lie idle; three
that take gzip, one of them with Via; and a HEAD.
It sends one POST, with an empty body, to ${POST_PATH}, which nobody serves. Without a scheme the URL is http.

Of several URLs, and of dns+http://, srv+http:// and kubernetes+http:// (or +https://), each endpoint is measured, one after another,
as a gateway would reach it: with the Host and the certificate name of the first URL, or of the name. The report says what differs
between them, and what to set for all. A path behind the last URL is asked of all of them.

  --max-wait <duration>    how long connections lie idle at most (${DEFAULT_MAX_WAIT}); the probe ends sooner if the backend closes them
  --connections <n>        connections that lie idle at once (${DEFAULT_CONNECTIONS})
  --requests <n>           requests tried on one connection (${DEFAULT_REQUESTS}; nginx's limit is 1000)
  --timeout <duration>     how long one answer may take (${DEFAULT_ANSWER_TIMEOUT / 1_000}s)
  -H, --header <line>      a request header, 'Name: value'; may be given again
  --post-path <path>       send the POST there: only where it has no effect; a refused POST shows only what follows a refusal
  --no-post                send no POST
  --ca <file>              trust this certificate authority (PEM)
  --servername <name>      the TLS server name, where it is not the URL's host
  -k, --insecure           accept any certificate
  --json                   print JSON
  -h, --help               print this

A duration is 500ms, 65s, 2m, or a number of seconds.
Exit code: 0 measured, 1 the backend cannot be reached or measured, 2 wrong usage, 130 or 143 interrupted.
An interrupted probe prints what it knows.
`

/** The endpoints that a command line names, and the path that each is asked for. */
export interface ProbedUpstream extends PlannedTarget {
  /** As it was given. */
  readonly upstream: string
  readonly path: string
}

/** What the command line asks for. Without a URL: the help. */
export interface ProbeArguments {
  readonly subject: URL | ProbedUpstream | undefined
  readonly json: boolean
  readonly options: ProbeOptions
}

/** Throws UsageError for arguments that are unknown, or cannot be used together. */
export function readArguments (args: readonly string[]): ProbeArguments {
  const { values, positionals } = parse(args)
  if (values.help === true) return { subject: undefined, json: false, options: { maxWait: 0 } }
  const [given, ...more] = positionals
  if (given === undefined) throw new UsageError('probe: a URL is missing, as in: holdfast probe http://localhost:3000/')
  if (more.length > 0) throw new UsageError(`probe: one URL at a time; ${JSON.stringify(more[0])} is a second one`)
  const subject = given.includes('|') || isDiscoveryUrl(given) ? readSeveral(given) : readUrl(given)
  if (values['no-post'] === true && values['post-path'] !== undefined) throw new UsageError('probe: --no-post and --post-path do not go together')
  const post = values['no-post'] === true ? undefined : values['post-path'] ?? POST_PATH
  if (post !== undefined && !/^\/[\x21-\x7e]*$/.test(post)) throw new UsageError(`probe: --post-path: ${JSON.stringify(post)} is no path; it begins with a slash`)
  const connect = {
    ...(values.ca === undefined ? {} : { ca: readCertificate(values.ca) }),
    ...(values.servername === undefined ? {} : { servername: values.servername }),
    ...(values.insecure === true ? { rejectUnauthorized: false } : {})
  }
  return {
    subject,
    json: values.json === true,
    options: {
      maxWait: readDuration('probe', 'max-wait', values['max-wait'] ?? DEFAULT_MAX_WAIT),
      connections: values.connections === undefined ? DEFAULT_CONNECTIONS : readCount('probe', 'connections', values.connections, MOST_CONNECTIONS),
      requests: values.requests === undefined ? DEFAULT_REQUESTS : readCount('probe', 'requests', values.requests, MOST_REQUESTS),
      answerTimeout: values.timeout === undefined ? DEFAULT_ANSWER_TIMEOUT : readDuration('probe', 'timeout', values.timeout),
      headers: (values.header ?? []).flatMap(readHeader),
      post,
      connect
    }
  }
}

function parse (args: readonly string[]) {
  return readOptions('probe', args, {
    'max-wait': { type: 'string' },
    connections: { type: 'string' },
    requests: { type: 'string' },
    timeout: { type: 'string' },
    header: { type: 'string', short: 'H', multiple: true },
    'no-post': { type: 'boolean' },
    'post-path': { type: 'string' },
    ca: { type: 'string' },
    servername: { type: 'string' },
    insecure: { type: 'boolean', short: 'k' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' }
  })
}

/** Several URLs, or one with discovery. */
function readSeveral (given: string): ProbedUpstream {
  const urls = given.split('|').map(text => withScheme(text.trim()))
  const { authority, path } = partsOf(urls.pop()!)
  try {
    if (urls.length === 0) {
      const url = parseDiscoveryUrl(authority, 'url')
      return { upstream: given, origin: url.origin, path, plan: { kind: 'url', url, upstream: authority } }
    }
    urls.push(authority)
    const { found } = readGivenList(urls, 'urls')
    return { upstream: given, origin: new URL(new URL(urls[0]!).origin), path, plan: { kind: 'list', found } }
  } catch (error) {
    throw error instanceof HoldfastError ? new UsageError(`probe: ${error.message}`) : error
  }
}

/** A URL up to its path, and its path with the query. A fragment is never sent. */
function partsOf (url: string): { authority: string, path: string } {
  const [, authority = url, path = '', query = ''] = /^(.*?:\/\/[^/?#]*)([^?#]*)(\?[^#]*)?/s.exec(url) ?? []
  return { authority, path: (path || '/') + query }
}

function withScheme (text: string): string {
  return text.includes('://') ? text : `http://${text}`
}

function readUrl (given: string): URL {
  const text = withScheme(given)
  if (!URL.canParse(text)) throw new UsageError(`probe: ${JSON.stringify(given)} is no URL`)
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new UsageError(`probe: ${JSON.stringify(given)}: http and https are probed, not ${url.protocol.slice(0, -1)}`)
  if (url.username !== '' || url.password !== '') throw new UsageError('probe: no user and password in the URL; give --header \'Authorization: ...\'')
  // A fragment is never sent.
  url.hash = ''
  return url
}

// The probe sets these itself.
const OWN_HEADERS = new Set(['connection', 'keep-alive', 'upgrade', 'expect', 'content-length', 'transfer-encoding', 'te', 'trailer'])

function readHeader (line: string): string[] {
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(0, colon))
  const value = line.slice(colon + 1).trim()
  if (!isToken(name) || !/^[\x20-\x7e\t]*$/.test(line)) throw new UsageError(`probe: --header: ${JSON.stringify(line)} is no header; write 'Name: value'`)
  if (OWN_HEADERS.has(name.toLowerCase())) throw new UsageError(`probe: --header: ${name} is set by the probe itself`)
  return [name, value]
}

function readCertificate (file: string): string {
  try {
    const text = readFileSync(file, 'utf8')
    if (text.includes('-----BEGIN ')) return text
  } catch (error) {
    throw new UsageError(`probe: --ca: ${(error as Error).message}`)
  }
  throw new UsageError(`probe: --ca: ${file} holds no PEM`)
}
