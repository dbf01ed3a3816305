import type { BackendRequest } from '../../testing/backend.js'
import type { RawResponse } from '../../testing/client.js'
import type { BackendSees, Party, Sees } from './case.js'
import type { ScriptedBackend } from './scripted-backend.js'
import type { Seen } from './scripted-client.js'

/** What no body may contain: addresses, errnos, stacks, error codes of libraries. */
export const INTERNALS = /\b(?:127\.0\.0\.1|\[?::1\]?|localhost)\b|\bE(?:CONN[A-Z]+|PIPE|NOTFOUND|TIMEDOUT|HOSTUNREACH|PROTO|ADDR[A-Z]+)\b|\b(?:UND_ERR|HPE|ERR_HTTP|ERR_STREAM|ERR_TLS|FST_REPLY_FROM)_|^\s+at .+:\d+|node:internal|node_modules/m

/** Faults in what a client got. */
export function judgeClient (party: Party, seen: Seen, port: number): string[] {
  const wrong: string[] = []
  const expected = expectedOf(party)
  expected.forEach((sees, i) => {
    const got = seen.responses[i]
    const which = expected.length === 1 ? '' : `response ${i + 1}: `
    if (got === undefined) return
    wrong.push(...judgeResponse(sees, got.final).map(text => which + text))
    const interim = sees.interim ?? []
    if (String(got.interim) !== String(interim)) wrong.push(`${which}interim responses [${got.interim}], not [${interim}]`)
    if (sees.within !== undefined && (got.final.at < sees.within[0] || got.final.at > sees.within[1])) {
      wrong.push(`${which}after ${Math.round(got.final.at)} ms, not ${sees.within.join(' to ')}`)
    }
  })
  for (const { final } of seen.responses) {
    const body = final.body.toString('latin1')
    const internal = INTERNALS.exec(body)?.[0] ?? (new RegExp(`\\b${port}\\b`).test(body) ? `port ${port}` : undefined)
    if (internal !== undefined) wrong.push(`a body tells ${internal.trim()}: ${body.slice(0, 200)}`)
  }
  if (seen.failure !== undefined) wrong.push(seen.failure)
  if (party.closed === true && seen.closed === undefined) wrong.push('the connection was left open')
  if (party.closed === false && seen.closed !== undefined) wrong.push('the connection was closed')
  const rest = seen.rest.toString('latin1')
  if (party.raw !== undefined && !matches(rest, party.raw)) wrong.push(`after the responses came ${show(rest)}, not ${String(party.raw)}`)
  if (party.raw === undefined && rest !== '') wrong.push(`more than the responses came: ${show(rest)}`)
  return wrong
}

export function expectedOf ({ sees }: Party): readonly Sees[] {
  return 'status' in sees ? [sees] : sees
}

function judgeResponse (sees: Sees, got: RawResponse): string[] {
  const wrong: string[] = []
  if (sees.cut === 'or 502' && got.status === 502 && got.complete) return wrong
  const statuses = typeof sees.status === 'number' ? [sees.status] : sees.status
  if (!statuses.includes(got.status)) wrong.push(`status ${got.status}, not ${statuses.join(' or ')}: ${got.body.toString('latin1').slice(0, 160)}`)
  if (got.complete === (sees.cut !== undefined && sees.cut !== false)) wrong.push(got.complete ? 'the response looks whole' : 'the response was cut off')
  const body = got.body.toString('latin1')
  if (sees.body !== undefined && !matches(body, sees.body)) wrong.push(`body ${show(body)}, not ${String(sees.body).slice(0, 100)}`)
  wrong.push(...judgeHeaders(sees.headers, name => got.headerAll(name)))
  return wrong
}

function judgeHeaders (expected: Sees['headers'] = {}, linesOf: (name: string) => string[]): string[] {
  const wrong: string[] = []
  for (const [name, value] of Object.entries(expected)) {
    const lines = linesOf(name)
    if (value === null) {
      if (lines.length > 0) wrong.push(`has ${name}: ${lines.join(' | ')}`)
    } else if (Array.isArray(value)) {
      if (lines.join('\n') !== value.join('\n')) wrong.push(`${name} is [${lines.join(' | ')}], not [${value.join(' | ')}]`)
    } else if (lines.length !== 1 || !matches(lines[0]!, value as string | RegExp)) wrong.push(`${name} is [${lines.join(' | ')}], not ${String(value)}`)
  }
  return wrong
}

/** Faults in what the backend received. */
export function judgeBackend (does: unknown, sees: BackendSees = {}, { backend }: ScriptedBackend, repeats: boolean): string[] {
  if (backend === undefined) return []
  const wrong = backend.malformed.map(what => `the backend was sent a malformed ${what}`)
  const { log } = backend
  if (does === 'none' && backend.accepted > 0) wrong.push(`the backend was dialled ${backend.accepted} times and sent ${log.length} requests`)
  wrong.push(...judgeCount('requests', sees.requests, log.length), ...judgeCount('connections', sees.connections, backend.accepted))
  if (sees.methods !== undefined) wrong.push(...judgeList('methods', sees.methods, log.map(({ method }) => method)))
  if (sees.paths !== undefined) wrong.push(...judgeList('paths', sees.paths, log.map(({ path }) => path)))
  if (sees.bodies !== undefined) wrong.push(...judgeList('bodies', sees.bodies, log.map(({ body }) => body.toString('latin1'))))
  if (sees.headers !== undefined) {
    const [first] = log
    if (first === undefined) wrong.push('the backend got no request')
    else wrong.push(...judgeHeaders(sees.headers, name => linesIn(first, name)).map(text => `the backend's request: ${text}`))
  }
  for (const { raw } of log) {
    const head = raw.toString('latin1')
    for (const lacks of sees.lacks ?? []) if (matches(head, lacks)) wrong.push(`the backend's request has ${String(lacks)}`)
  }
  if (!repeats) wrong.push(...ranTwice(log))
  return wrong
}

function ranTwice (log: readonly BackendRequest[]): string[] {
  const unsafe = log.filter(({ method }) => method === 'POST' || method === 'PATCH').map(({ method, path }) => `${method} ${path}`)
  return [...new Set(unsafe.filter((name, i) => unsafe.indexOf(name) !== i))].map(name => `${name} ran twice`)
}

function linesIn ({ rawHeaders }: BackendRequest, name: string): string[] {
  return rawHeaders.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
}

function judgeCount (what: string, expected: number | readonly [number, number] | undefined, count: number): string[] {
  if (expected === undefined) return []
  const [least, most] = typeof expected === 'number' ? [expected, expected] : expected
  return count >= least && count <= most ? [] : [`the backend saw ${count} ${what}, not ${String(expected)}`]
}

function judgeList (what: string, expected: readonly (string | RegExp)[], got: readonly string[]): string[] {
  const same = expected.length === got.length && expected.every((value, i) => matches(got[i]!, value))
  return same ? [] : [`the backend saw ${what} ${show(got.join(' | '))}, not ${show(expected.join(' | '))}`]
}

function matches (text: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? text === expected : expected.test(text)
}

function show (text: string): string {
  return text.length > 300 ? `${JSON.stringify(text.slice(0, 300))}... (${text.length} bytes)` : JSON.stringify(text)
}
