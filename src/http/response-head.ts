import { readSignal } from './connection-signal.js'
import type { PersistenceSignal } from './connection-signal.js'
import type { HeaderList } from './headers.js'

const EVENT_STREAM = 'text/event-stream'
// A head beyond that is decoded piece by piece, in bytes.
const LONGEST = 65_536
// What most responses say, as most servers spell it: looking these up is cheaper than writing them anew, and so is all that is done by name after it.
const KNOWN = new Map(['Accept-Ranges', 'Access-Control-Allow-Origin', 'Age', 'Cache-Control', 'Connection', 'Content-Encoding', 'Content-Language',
  'Content-Length', 'Content-Security-Policy', 'Content-Type', 'Date', 'ETag', 'Expires', 'Keep-Alive', 'Last-Modified', 'Link', 'Location', 'Server',
  'Set-Cookie', 'Strict-Transport-Security', 'Transfer-Encoding', 'Vary', 'Via', 'X-Content-Type-Options', 'X-Frame-Options', 'X-Powered-By', 'X-Request-Id']
  .flatMap(name => [[name, name.toLowerCase()], [name.toLowerCase(), name.toLowerCase()]] as const))

/** The head of a response, decoded once for all who read it. */
export class ResponseHead {
  /** As they came: names and values in turn. */
  readonly raw: Buffer[]
  /** The same as latin1 text, names in lower case. */
  readonly list: HeaderList
  readonly signal: PersistenceSignal
  /** Whether it has a transfer coding besides one `chunked`, which is all that was asked for (RFC 9112 section 7.4). */
  readonly oddlyCoded: boolean
  readonly isEventStream: boolean

  /** @param minor the version: 0 for HTTP/1.0, 1 for HTTP/1.1 */
  constructor (minor: 0 | 1, raw: Buffer[]) {
    const list = decoded(raw)
    let connection: string | undefined
    let keepAlive: string | undefined
    let coding: string | undefined
    let type: string | undefined
    for (let i = 0; i < list.length; i += 2) {
      switch (list[i]) {
        case 'connection': connection = joined(connection, list[i + 1]!); break
        case 'keep-alive': keepAlive = joined(keepAlive, list[i + 1]!); break
        case 'transfer-encoding': coding = joined(coding, list[i + 1]!); break
        case 'content-type': type ??= list[i + 1]!
      }
    }
    this.raw = raw
    this.list = list
    this.signal = readSignal(minor, connection, keepAlive)
    this.oddlyCoded = coding !== undefined && coding !== 'chunked' && coding.trim().toLowerCase() !== 'chunked'
    this.isEventStream = type !== undefined && type.length >= EVENT_STREAM.length && type.slice(0, EVENT_STREAM.length).toLowerCase() === EVENT_STREAM
  }
}

/** Names, in lower case, and values in turn, from those of undici. */
export function decoded (raw: readonly Buffer[]): HeaderList {
  const list: HeaderList = []
  if (raw.length === 0) return list
  // What came in one piece lies in one piece, and one call decodes it: a call for each name and value takes 2 us more of 50.
  const { buffer, byteOffset: begin } = raw[0]!
  const last = raw[raw.length - 1]!
  const end = last.byteOffset + last.length
  if (last.buffer !== buffer || end < begin || end - begin > LONGEST) return decodedOneByOne(raw)
  const text = Buffer.from(buffer, begin, end - begin).toString('latin1')
  for (let i = 0; i < raw.length; i++) {
    const part = raw[i]!
    const at = part.byteOffset - begin
    if (part.buffer !== buffer || at < 0 || at + part.length > text.length) return decodedOneByOne(raw)
    const value = text.slice(at, at + part.length)
    list.push(i % 2 === 0 ? lowerCased(value) : value)
  }
  return list
}

// A name or value that came in two pieces has been copied to elsewhere.
function decodedOneByOne (raw: readonly Buffer[]): HeaderList {
  return raw.map((part, i) => i % 2 === 0 ? lowerCased(part.toString('latin1')) : part.toString('latin1'))
}

function lowerCased (name: string): string {
  return KNOWN.get(name) ?? name.toLowerCase()
}

function joined (before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`
}
