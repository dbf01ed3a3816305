import { Malformed, readLine, type Reading, type WireInput } from './wire-input.js'
import { declaredFraming, type Field, readBody, readFields, valueOf, valuesOf } from './wire-message.js'

/** What the head of a request says. */
export interface BackendRequestHead {
  method: string
  path: string
  httpVersion: string
  /** As they came: order, number and case. */
  rawHeaders: Field[]
  /** The value of a field; several lines are joined with a comma. */
  header (name: string): string | undefined
  /** Its number on its connection, from 1. */
  nth: number
  /** The bytes of the head, with its empty line. */
  raw: Buffer
}

export interface BackendRequest extends BackendRequestHead {
  body: Buffer
  trailers: Field[]
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/(1\.[01])$/

/**
 * Reads one request. It accepts only what a gateway should send, since a lenient backend would hide the gateway's mistakes: no empty line
 * before it, exactly one Host, one unambiguous framing.
 */
export function * readRequest (
  input: WireInput, nth: number, onHead: (head: BackendRequestHead) => void
): Reading<BackendRequest> {
  const line = yield * readLine(input)
  const [, method, path, httpVersion] = REQUEST_LINE.exec(line) ?? []
  if (method === undefined || path === undefined || httpVersion === undefined) {
    throw new Malformed(`request line ${JSON.stringify(line)}`)
  }
  const lines = [line]
  const rawHeaders = yield * readFields(input, lines)
  const hosts = valuesOf(rawHeaders, 'host').length
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1')) throw new Malformed(`${hosts} Host fields`)
  const framing = declaredFraming(rawHeaders, httpVersion) ?? { by: 'none' as const }

  const head: BackendRequestHead = {
    method,
    path,
    httpVersion,
    rawHeaders,
    header: (name) => valueOf(rawHeaders, name),
    nth,
    raw: Buffer.from(lines.map((text) => `${text}\r\n`).join(''), 'latin1')
  }
  onHead(head)

  const body: Buffer[] = []
  const trailers = yield * readBody(input, framing, body)
  return { ...head, body: Buffer.concat(body), trailers }
}
