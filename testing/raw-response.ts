import { Malformed, readLine, type Reading, Truncated, type WireInput } from './wire-input.js'
import { declaredFraming, type Field, type Framing, readBody, readFields, valueOf, valuesOf } from './wire-message.js'

export interface RawResponse {
  status: number
  reason: string
  httpVersion: string
  /** As they came: order, number and case. */
  rawHeaders: Field[]
  /** The value of a field; several lines are joined with a comma. */
  header (name: string): string | undefined
  /** A value for each line of a field. */
  headerAll (name: string): string[]
  body: Buffer
  trailers: Field[]
  /** False if the connection ended before the body did. */
  complete: boolean
}

const STATUS_LINE = /^HTTP\/(1\.[01]) ([1-5]\d\d) ([\t\x20-\x7e\x80-\xff]*)$/

/** Reads one response, which may be an interim one. `head`: it answers a HEAD, which the response itself does not show. */
export function * readResponse (input: WireInput, { head = false }: { head?: boolean } = {}): Reading<RawResponse> {
  const line = yield * readLine(input)
  const [, httpVersion, code, reason] = STATUS_LINE.exec(line) ?? []
  if (httpVersion === undefined || code === undefined || reason === undefined) {
    throw new Malformed(`status line ${JSON.stringify(line)}`)
  }
  const status = Number(code)
  const rawHeaders = yield * readFields(input)
  const framing = framingOf(status, declaredFraming(rawHeaders, httpVersion), head)
  const chunks: Buffer[] = []
  let trailers: Field[] = []
  let complete = true
  try {
    trailers = yield * readBody(input, framing, chunks)
  } catch (error) {
    if (!(error instanceof Truncated)) throw error
    complete = false
  }
  return {
    status,
    reason,
    httpVersion,
    rawHeaders,
    header: (name) => valueOf(rawHeaders, name),
    headerAll: (name) => valuesOf(rawHeaders, name),
    body: Buffer.concat(chunks),
    trailers,
    complete
  }
}

/** RFC 9112 section 6.3. A 1xx or 204 may declare no framing: RFC 9112 section 6.1 and RFC 9110 section 8.6. */
function framingOf (status: number, declared: Framing | undefined, head: boolean): Framing {
  if (status < 200 || status === 204) {
    if (declared !== undefined) throw new Malformed(`a ${status} framed by ${declared.by}`)
    return { by: 'none' }
  }
  if (head || status === 304) return { by: 'none' }
  return declared ?? { by: 'end' }
}
