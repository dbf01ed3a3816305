import type { Asked, End } from '../oracles/outcome.js'

/** A response as bytes, and what is to be made of it in answer to a GET. */
export interface CorpusCase {
  readonly name: string
  /** Latin1: a character is a byte. */
  readonly text: string
  /** @default 'open' */
  readonly end?: End
  /** @default a GET */
  readonly asked?: Asked
  /** Whether it may be refused as well. */
  readonly either?: boolean
  /** `refused`: no response. `waits`: its end has not come. Else it is whole. */
  readonly is: 'refused' | 'waits' | { status: number, body?: string, trailers?: readonly string[], upgraded?: boolean, keepAlive?: boolean }
}

/** A head, of a status line and field lines. */
export function head (start: string, ...fields: string[]): string {
  return `${[start, ...fields].join('\r\n')}\r\n\r\n`
}

export const OK = 'HTTP/1.1 200 OK'
export const CHUNKED = 'Transfer-Encoding: chunked'

/** The ways to ask for a response. */
export const ASKED: readonly Asked[] = [{ method: 'GET' }, { method: 'HEAD' }, { method: 'CONNECT' }, { method: 'GET', upgrade: true }]
