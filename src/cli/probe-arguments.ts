import { readFileSync } from 'node:fs'
import { isToken } from '../http/field-syntax.js'
import { DEFAULT_ANSWER_TIMEOUT, DEFAULT_CONNECTIONS, DEFAULT_REQUESTS } from '../probe/probe.js'
import type { ProbeOptions } from '../probe/probe.js'
import { readCount, readDuration, readOptions } from './arguments.js'
import { UsageError } from './usage-error.js'

const DEFAULT_MAX_WAIT = '65s'
// A process's open files, less what it needs besides.
const MOST_CONNECTIONS = 1_000
const MOST_REQUESTS = 1_000_000
// A refusal changes nothing. What becomes of the connection after it is printed, and no more is made of it: a POST that is served may end otherwise.
const POST_PATH = '/.holdfast-probe'

/** What `holdfast probe --help` prints. */
export const HELP = `Usage: holdfast probe [options] <url>

Measures what a backend says of its connections and what it does: persistence, idle timeout, how it closes, requests a
connection, reuse after HEAD and POST, the price of connecting, and whether Via stops it from compressing. Says where it lies,
and what to set for it.

It sends GETs to the URL: some ${DEFAULT_REQUESTS} on one connection, one on each of ${DEFAULT_CONNECTIONS} others, which then lie idle; three
that take gzip, one of them with Via; and a HEAD.
It sends one POST, with an empty body, to ${POST_PATH}, which nobody serves. Without a scheme the URL is http.

  --max-wait <duration>    how long connections lie idle at most (${DEFAULT_MAX_WAIT}); it ends sooner if the backend closes them
  --connections <n>        connections that lie idle at once (${DEFAULT_CONNECTIONS})
  --requests <n>           requests tried on one connection (${DEFAULT_REQUESTS}; nginx's limit is 1000)
  --timeout <duration>     how long one answer may take (${DEFAULT_ANSWER_TIMEOUT / 1_000}s)
  -H, --header <line>      a request header, 'Name: value'; may be given again
  --post-path <path>       send the POST there: only where it has no effect; one that is refused tells of refusals alone
  --no-post                send none
  --ca <file>              trust this certificate authority (PEM)
  --servername <name>      the TLS server name, where it is not the URL's host
  -k, --insecure           accept any certificate
  --json                   print JSON
  -h, --help               print this

A duration is 500ms, 65s, 2m, or a number of seconds.
Exit code: 0 measured, 1 the backend cannot be reached or measured, 2 wrong usage, 130 interrupted: it prints what it knows.
`

/** What was asked for; no URL: the help. */
export interface ProbeArguments { readonly url: URL | undefined, readonly json: boolean, readonly options: ProbeOptions }

/** Throws UsageError for what cannot be meant. */
export function readArguments (args: readonly string[]): ProbeArguments {
  const { values, positionals } = parse(args)
  if (values.help === true) return { url: undefined, json: false, options: { maxWait: 0 } }
  const [given, ...more] = positionals
  if (given === undefined) throw new UsageError('probe: a URL is missing, as in: holdfast probe http://localhost:3000/')
  if (more.length > 0) throw new UsageError(`probe: one URL at a time, and not ${JSON.stringify(more[0])} besides`)
  const url = readUrl(given)
  if (values['no-post'] === true && values['post-path'] !== undefined) throw new UsageError('probe: --no-post and --post-path do not go together')
  const post = values['no-post'] === true ? undefined : values['post-path'] ?? POST_PATH
  if (post !== undefined && !/^\/[\x21-\x7e]*$/.test(post)) throw new UsageError(`probe: --post-path: ${JSON.stringify(post)} is no path; it begins with a slash`)
  const connect = {
    ...(values.ca === undefined ? {} : { ca: readCertificate(values.ca) }),
    ...(values.servername === undefined ? {} : { servername: values.servername }),
    ...(values.insecure === true ? { rejectUnauthorized: false } : {})
  }
  return {
    url,
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

function readUrl (given: string): URL {
  const text = given.includes('://') ? given : `http://${given}`
  if (!URL.canParse(text)) throw new UsageError(`probe: ${JSON.stringify(given)} is no URL`)
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new UsageError(`probe: ${JSON.stringify(given)}: http and https are probed, not ${url.protocol.slice(0, -1)}`)
  if (url.username !== '' || url.password !== '') throw new UsageError('probe: no user and password in the URL; give --header \'Authorization: ...\'')
  // It is never sent.
  url.hash = ''
  return url
}

// What they say is the probe's to say.
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
