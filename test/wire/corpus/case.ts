import type { Asked, End } from '../oracles/outcome.js'

/** A response as bytes, and how to read it as the answer to a GET. */
export interface CorpusCase {
  readonly name: string
  /** Latin-1: a character is a byte. */
  readonly text: string
  /** @default 'open' */
  readonly end?: End
  /** @default a GET */
  readonly asked?: Asked
  /** Whether an oracle may refuse it too. */
  readonly either?: boolean
  /** `refused`: no response. `waits`: its end has not come. Otherwise the whole response. */
  readonly is: 'refused' | 'waits' | { status: number, body?: string, trailers?: readonly string[], upgraded?: boolean, keepAlive?: boolean }
}

/** A head of a status line and field lines. */
export function head (start: string, ...fields: string[]): string {
  return `${[start, ...fields].join('\r\n')}\r\n\r\n`
}

export const OK = 'HTTP/1.1 200 OK'
export const CHUNKED = 'Transfer-Encoding: chunked'

/** Requests that a response may answer. */
export const ASKED: readonly Asked[] = [{ method: 'GET' }, { method: 'HEAD' }, { method: 'CONNECT' }, { method: 'GET', upgrade: true }]
