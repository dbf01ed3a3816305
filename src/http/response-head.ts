import { util } from 'undici'
import { readSignal } from './connection-signal.js'
import type { PersistenceSignal } from './connection-signal.js'
import type { HeaderList } from './headers.js'

const EVENT_STREAM = 'text/event-stream'

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
  /** Bytes of the body, where it is framed by that number alone. */
  readonly contentLength: number | undefined

  /** @param minor the version: 0 for HTTP/1.0, 1 for HTTP/1.1 */
  constructor (minor: 0 | 1, raw: Buffer[]) {
    const list = decoded(raw)
    let connection: string | undefined
    let keepAlive: string | undefined
    let coding: string | undefined
    let type: string | undefined
    let length: string | undefined
    for (let i = 0; i < list.length; i += 2) {
      switch (list[i]) {
        case 'connection': connection = joined(connection, list[i + 1]!); break
        case 'keep-alive': keepAlive = joined(keepAlive, list[i + 1]!); break
        case 'transfer-encoding': coding = joined(coding, list[i + 1]!); break
        case 'content-type': type ??= list[i + 1]!; break
        case 'content-length': length = joined(length, list[i + 1]!)
      }
    }
    this.raw = raw
    this.list = list
    this.signal = readSignal(minor, connection, keepAlive)
    this.oddlyCoded = coding !== undefined && coding !== 'chunked' && coding.trim().toLowerCase() !== 'chunked'
    this.contentLength = length === undefined || coding !== undefined ? undefined : Number(length)
    this.isEventStream = type !== undefined && type.length >= EVENT_STREAM.length && type.slice(0, EVENT_STREAM.length).toLowerCase() === EVENT_STREAM
  }
}

/** Names, in lower case, and values in turn, from those of undici, which knows the usual names by their bytes. */
export function decoded (raw: readonly Buffer[]): HeaderList {
  const list: HeaderList = []
  for (let i = 0; i + 1 < raw.length; i += 2) list.push(util.headerNameToString(raw[i]!), raw[i + 1]!.toString('latin1'))
  return list
}

function joined (before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`
}
