import { Malformed, needMore, readLine, type Reading, type WireInput } from './wire-input.js'

export type Field = [name: string, value: string]

/** What ends a body (RFC 9112 section 6.3). `none`: there is no body, whatever the fields say. */
export type Framing = { by: 'none' } | { by: 'length', length: number } | { by: 'chunked' } | { by: 'end' }

const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * Reads field lines up to the empty line, of a head or of a chunked body's trailers. It accepts no folding and no space before the colon.
 * Adds each line to `lines` as it came.
 */
export function * readFields (input: WireInput, lines: string[] = []): Reading<Field[]> {
  const fields: Field[] = []
  for (;;) {
    const line = yield * readLine(input)
    lines.push(line)
    if (line === '') return fields
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0))
    const value = line.slice(colon + 1).replace(/^[ \t]+/, '').replace(/[ \t]+$/, '')
    if (!FIELD_NAME.test(name) || !FIELD_VALUE.test(value)) throw new Malformed(`field line ${JSON.stringify(line)}`)
    fields.push([name, value])
  }
}

/** The values of a field, one for each of its lines. */
export function valuesOf (fields: Field[], name: string): string[] {
  const wanted = name.toLowerCase()
  return fields.filter(([other]) => other.toLowerCase() === wanted).map(([, value]) => value)
}

/** The lines of a field, joined as in RFC 9110 section 5.2. */
export function valueOf (fields: Field[], name: string): string | undefined {
  const values = valuesOf(fields, name)
  return values.length === 0 ? undefined : values.join(', ')
}

/** The framing that the fields declare, or undefined without one. It refuses ambiguous framing, and repairs none. */
export function declaredFraming (fields: Field[], httpVersion: string): Framing | undefined {
  const lengths = valuesOf(fields, 'content-length')
  const codings = valuesOf(fields, 'transfer-encoding')
  if (codings.length > 0) {
    if (lengths.length > 0) throw new Malformed('Transfer-Encoding together with Content-Length')
    if (httpVersion !== '1.1') throw new Malformed(`Transfer-Encoding in HTTP/${httpVersion}`)
    if (codings.join().toLowerCase() !== 'chunked') throw new Malformed(`Transfer-Encoding: ${codings.join()}`)
    return { by: 'chunked' }
  }
  if (lengths.length > 1) throw new Malformed('more than one Content-Length')
  const length = lengths[0]
  if (length === undefined) return undefined
  // The limit is 64 bits, since an announced length need not come.
  if (!/^\d{1,19}$/.test(length)) throw new Malformed(`Content-Length: ${length}`)
  return { by: 'length', length: Number(length) }
}

/**
 * Reads a body into `into`, which keeps what came even if the connection ends too early. Returns its trailers. A body that the end of the
 * connection delimits is whole only after a FIN.
 */
export function * readBody (input: WireInput, framing: Framing, into: Buffer[]): Reading<Field[]> {
  switch (framing.by) {
    case 'none':
      return []
    case 'length':
      yield * readExactly(input, framing.length, into)
      return []
    case 'chunked':
      return yield * readChunks(input, into)
    case 'end':
      for (;;) {
        const bytes = input.take(Infinity)
        if (bytes.length > 0) into.push(bytes)
        if (input.ended === 'fin') return []
        yield * needMore(input)
      }
  }
}

function * readChunks (input: WireInput, into: Buffer[]): Reading<Field[]> {
  for (;;) {
    const line = yield * readLine(input)
    const size = /^([0-9a-f]{1,12})(?:[ \t]*;.*)?$/i.exec(line)?.[1]
    if (size === undefined) throw new Malformed(`chunk size ${JSON.stringify(line)}`)
    const length = Number.parseInt(size, 16)
    if (length === 0) return yield * readFields(input)
    yield * readExactly(input, length, into)
    const after: Buffer[] = []
    yield * readExactly(input, 2, after)
    const end = Buffer.concat(after).toString('latin1')
    if (end !== '\r\n') throw new Malformed(`a chunk ends with ${JSON.stringify(end)}`)
  }
}

export function * readExactly (input: WireInput, length: number, into: Buffer[]): Reading<void> {
  for (let left = length; left > 0;) {
    const bytes = input.take(left)
    if (bytes.length > 0) into.push(bytes)
    left -= bytes.length
    if (left > 0) yield * needMore(input)
  }
}
