/** The request that a response answers. */
export interface Asked {
  readonly method: string
  /** Whether the request asked for another protocol. CONNECT always does. */
  readonly upgrade?: boolean
}

/** What follows the bytes: a FIN, or nothing while the oracle reads. */
export type End = 'fin' | 'open'

/** One response, which may be an interim one. Texts are Latin-1, so that each byte is one character. */
export interface ReadMessage {
  readonly status: number
  /** Names, in lower case, and values in turn. */
  readonly lines: readonly string[]
  /** After an upgrade: the bytes of the other protocol. */
  readonly body: string
  /** Names, in lower case, and values in turn. */
  readonly trailers: readonly string[]
  readonly upgraded: boolean
  /** Whether the reader takes the response for whole. */
  readonly whole: boolean
  /** Whether the connection may carry another request; undefined if the oracle does not say. */
  readonly keepAlive: boolean | undefined
}

/** What a reader read: the messages up to the first final response, or the part of it that came. */
export interface Outcome {
  readonly messages: readonly ReadMessage[]
  /** Why the reader refused the bytes. A response whose end has not come is neither refused nor whole. */
  readonly refused?: string | undefined
}

/** Reads one response from bytes that come in pieces, in memory. */
export interface Oracle {
  readonly name: string
  read (pieces: readonly Buffer[], end: End, asked: Asked): Promise<Outcome>
}

/** The final response, if it is whole. A 101 is final if another protocol began with it. */
export function wholeOf ({ messages }: Outcome): ReadMessage | undefined {
  const last = messages.at(-1)
  return last?.whole === true && (last.status < 100 || last.status >= 200 || last.upgraded) ? last : undefined
}

/** Lower-case names, and the transfer coding in lower case, as h11 gives it: spelling is no difference. */
export function lowered (lines: readonly string[]): string[] {
  return lines.map((text, i) => i % 2 === 0 || lines[i - 1]!.toLowerCase() === 'transfer-encoding' ? text.toLowerCase() : text)
}
