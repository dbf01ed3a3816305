import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { parseArgs } from 'node:util'
import { dialFailureCode } from '../connection/dial.js'
import { HoldfastError } from '../errors.js'
import { parseDuration } from '../probe/duration.js'
import { DEFAULT_ANSWER_TIMEOUT, DEFAULT_CONNECTIONS, DEFAULT_REQUESTS, measure } from '../probe/probe.js'
import type { ProbeOptions } from '../probe/probe.js'
import { reportOf } from '../probe/report.js'
import { tableOf } from '../probe/table.js'
import { ProgressLine } from './progress-line.js'
import { UsageError } from './usage-error.js'

const DEFAULT_MAX_WAIT = '65s'
// A process's open files, less what it needs besides.
const MOST_CONNECTIONS = 1_000
const MOST_REQUESTS = 1_000_000
const LONGEST_WAIT = 24 * 3_600_000
// One Ctrl-C may come twice: to the process, and handed on by npm.
const ECHO = 200

const HELP = `Usage: holdfast probe [options] <url>

Measures what a backend says of its connections and what it does: persistence, idle timeout, how it closes, requests a
connection, reuse after HEAD and POST, the price of connecting. Says where it lies, and what to set for it.

It sends GETs to the URL: some ${DEFAULT_REQUESTS} on one connection, one on each of ${DEFAULT_CONNECTIONS} others, which then lie idle; and a HEAD.
It sends no POST unless it is asked to. Without a scheme the URL is http.

  --max-wait <duration>    how long connections lie idle at most (${DEFAULT_MAX_WAIT}); it ends sooner if the backend closes them
  --connections <n>        connections that lie idle at once (${DEFAULT_CONNECTIONS})
  --requests <n>           requests tried on one connection (${DEFAULT_REQUESTS}; nginx's limit is 1000)
  --timeout <duration>     how long one answer may take (${DEFAULT_ANSWER_TIMEOUT / 1_000}s)
  -H, --header <line>      a request header, 'Name: value'; may be given again
  --post                   send a POST with an empty body to the same path too, to see if its connection is kept
  --post-path <path>       the same, to that path
  --ca <file>              trust this certificate authority (PEM)
  --servername <name>      the TLS server name, where it is not the URL's host
  -k, --insecure           accept any certificate
  --json                   print JSON
  -h, --help               print this

A duration is 500ms, 65s, 2m, or a number of seconds.
Exit code: 0 measured, 1 the backend cannot be reached or measured, 2 wrong usage, 130 interrupted: it prints what it knows.
`

/** `holdfast probe`. */
export async function command (args: readonly string[]): Promise<number> {
  const { url, json, options } = readArguments(args)
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreBrokenPipe)
  if (url === undefined) {
    process.stdout.write(HELP)
    return 0
  }
  if (options.connect?.rejectUnauthorized === false) process.stderr.write('holdfast probe: --insecure: the certificate is not verified\n')
  const interrupt = new Interrupt()
  const progress = new ProgressLine(process.stderr)
  try {
    const found = await measure(url, { ...options, signal: interrupt.signal, onProgress: text => progress.show(text) })
    progress.clear()
    const report = reportOf(found)
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : tableOf(found, report))
    return interrupt.exitCode ?? (report.persistent === null ? 1 : 0)
  } catch (error) {
    progress.clear()
    if (!(error instanceof HoldfastError)) throw error
    process.stderr.write(`holdfast probe: ${url.href}: ${explained(error)}\n`)
    return 1
  } finally {
    interrupt.forget()
  }
}

interface Arguments { readonly url: URL | undefined, readonly json: boolean, readonly options: ProbeOptions }

function readArguments (args: readonly string[]): Arguments {
  const { values, positionals } = parse(args)
  if (values.help === true) return { url: undefined, json: false, options: { maxWait: 0 } }
  const [given, ...more] = positionals
  if (given === undefined) throw new UsageError('probe: a URL is missing, as in: holdfast probe http://localhost:3000/')
  if (more.length > 0) throw new UsageError(`probe: one URL at a time, and not ${JSON.stringify(more[0])} besides`)
  const url = readUrl(given)
  const post = values['post-path'] ?? (values.post === true ? url.pathname + url.search : undefined)
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
      maxWait: readDuration('max-wait', values['max-wait'] ?? DEFAULT_MAX_WAIT),
      connections: readCount('connections', values.connections, MOST_CONNECTIONS, DEFAULT_CONNECTIONS),
      requests: readCount('requests', values.requests, MOST_REQUESTS, DEFAULT_REQUESTS),
      answerTimeout: values.timeout === undefined ? DEFAULT_ANSWER_TIMEOUT : readDuration('timeout', values.timeout),
      headers: (values.header ?? []).flatMap(readHeader),
      post,
      connect
    }
  }
}

function parse (args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'max-wait': { type: 'string' },
        connections: { type: 'string' },
        requests: { type: 'string' },
        timeout: { type: 'string' },
        header: { type: 'string', short: 'H', multiple: true },
        post: { type: 'boolean' },
        'post-path': { type: 'string' },
        ca: { type: 'string' },
        servername: { type: 'string' },
        insecure: { type: 'boolean', short: 'k' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' }
      }
    })
  } catch (error) {
    // Node explains at length how a value that begins with a dash is to be written.
    throw new UsageError(`probe: ${(error as Error).message.split(/[.\n]/, 1)[0]!}`)
  }
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

function readDuration (option: string, text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms < 1 || ms > LONGEST_WAIT) throw new UsageError(`probe: --${option}: ${JSON.stringify(text)} is no duration; give 500ms, 65s or 2m, at most 24h`)
  return ms
}

function readCount (option: string, text: string | undefined, most: number, byDefault: number): number {
  if (text === undefined) return byDefault
  const count = /^\d+$/.test(text) ? Number(text) : 0
  if (count < 1 || count > most) throw new UsageError(`probe: --${option}: ${JSON.stringify(text)} is no count from 1 to ${most}`)
  return count
}

// What they say is the probe's to say.
const OWN_HEADERS = new Set(['connection', 'keep-alive', 'upgrade', 'expect', 'content-length', 'transfer-encoding', 'te', 'trailer'])

function readHeader (line: string): string[] {
  const [, name = '', value = ''] = /^([!#$%&'*+\-.^_`|~\w]+):[ \t]*([\x20-\x7e\t]*?)[ \t]*$/.exec(line) ?? []
  if (name === '') throw new UsageError(`probe: --header: ${JSON.stringify(line)} is no header; write 'Name: value'`)
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

/** In one line, with what only the log has elsewhere: who runs a probe runs the backend too. */
function explained (error: HoldfastError): string {
  const code = dialFailureCode(error)
  const cause = error.cause instanceof Error ? error.cause.message.split('\n', 1)[0]! : ''
  const detail = [code === error.code ? '' : code, cause].filter((text, i, all) => text !== '' && !(i === 0 && all[1]!.includes(text)))
  const remedy = error.code === 'HOLDFAST_ERR_TLS' ? '; --ca, --servername or --insecure may help' : ''
  return `${error.message}${detail.length > 0 ? ` (${detail.join(': ')})` : ''}${remedy}`
}

/** Ends a probe at the first signal, and the process at the second. */
class Interrupt {
  exitCode: number | undefined
  readonly #controller = new AbortController()
  readonly #listeners = (['SIGINT', 'SIGTERM'] as const).map(name => ({ name, listener: () => this.#take(name) }))
  #at = 0

  constructor () {
    for (const { name, listener } of this.#listeners) process.on(name, listener)
  }

  get signal (): AbortSignal {
    return this.#controller.signal
  }

  forget (): void {
    for (const { name, listener } of this.#listeners) process.off(name, listener)
  }

  #take (name: 'SIGINT' | 'SIGTERM'): void {
    const code = 128 + constants.signals[name]
    if (this.exitCode !== undefined) {
      if (performance.now() - this.#at > ECHO) process.exit(code)
      return
    }
    this.#at = performance.now()
    this.exitCode = code
    this.#controller.abort()
  }
}

// Whoever read has read enough, as `| head` does.
function ignoreBrokenPipe (error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
