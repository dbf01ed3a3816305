import { readSignal } from './connection-signal.js'
import type { PersistenceSignal } from './connection-signal.js'
import type { HeaderList } from './headers.js'

const EVENT_STREAM = 'text/event-stream'
// Backends use few spellings of few names. Bounded, since a backend may invent names.
const MOST_SPELLINGS = 1_000

/** The head of a response, decoded once for all readers: framing, signal and relay. */
export class ResponseHead {
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  readonly minor: 0 | 1
  /** Names as the backend spelled them and values, in turn, as latin1 text. */
  readonly lines: string[]
  /** The same lines, with names in lower case. */
  readonly list: HeaderList
  readonly signal: PersistenceSignal
  /** Whether it has a transfer coding. */
  readonly isCoded: boolean
  /** Whether its transfer coding is other than one `chunked`. A request without `TE` asks for no other (RFC 9112 section 7.4). */
  readonly oddlyCoded: boolean
  readonly isEventStream: boolean
  /** Its `Content-Length`. Several lines are joined by a comma. */
  readonly length: string | undefined

  constructor (minor: 0 | 1, lines: string[]) {
    let connection: string | undefined
    let keepAlive: string | undefined
    let coding: string | undefined
    let type: string | undefined
    let length: string | undefined
    const list: HeaderList = []
    for (let i = 0; i < lines.length; i += 2) {
      const name = lowerCase(lines[i]!)
      const value = lines[i + 1]!
      list.push(name, value)
      switch (name) {
        case 'connection': connection = joined(connection, value); break
        case 'keep-alive': keepAlive = joined(keepAlive, value); break
        case 'transfer-encoding': coding = joined(coding, value); break
        case 'content-type': type ??= value; break
        case 'content-length': length = joined(length, value)
      }
    }
    this.minor = minor
    this.lines = lines
    this.list = list
    this.signal = readSignal(minor, connection, keepAlive)
    this.isCoded = coding !== undefined
    this.oddlyCoded = coding !== undefined && coding !== 'chunked' && coding.trim().toLowerCase() !== 'chunked'
    this.length = length
    this.isEventStream = type !== undefined && type.length >= EVENT_STREAM.length && type.slice(0, EVENT_STREAM.length).toLowerCase() === EVENT_STREAM
  }

  /** The lines as bytes, which undici's handlers take. */
  get raw (): Buffer[] {
    return bytesOf(this.lines)
  }
}

/** The same lines with names in lower case. */
export function lowerCased (lines: readonly string[]): HeaderList {
  return lines.map((text, i) => i % 2 === 0 ? lowerCase(text) : text)
}

/** Lines as bytes, which undici's handlers take. */
export function bytesOf (lines: readonly string[]): Buffer[] {
  return lines.map(text => Buffer.from(text, 'latin1'))
}

const spellings = new Map<string, string>()

function lowerCase (name: string): string {
  return spellings.get(name) ?? learnt(name)
}

function learnt (name: string): string {
  if (spellings.size >= MOST_SPELLINGS) spellings.clear()
  // Copied, since V8 keeps the whole head for as long as a part of it is kept.
  const own = Buffer.from(name, 'latin1').toString('latin1')
  const lower = own.toLowerCase()
  spellings.set(own, lower)
  return lower
}

function joined (before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`
}
