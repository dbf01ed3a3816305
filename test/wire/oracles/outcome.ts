/** What the bytes of a response answer. */
export interface Asked {
  readonly method: string
  /** Whether the request asked for another protocol. CONNECT does so without being told. */
  readonly upgrade?: boolean
}

/** How the connection ends behind the bytes: a FIN, or not at all while the oracle looks. */
export type End = 'fin' | 'open'

/** One response, the interim ones included. Text is latin1, so that each byte is one character. */
export interface ReadMessage {
  readonly status: number
  /** Names, in lower case, and values in turn. */
  readonly lines: readonly string[]
  /** After an upgrade: what came of the other protocol. */
  readonly body: string
  /** Names, in lower case, and values in turn. */
  readonly trailers: readonly string[]
  readonly upgraded: boolean
  /** Whether its end was seen, such that the reader takes it for all of the response. */
  readonly whole: boolean
  /** Whether the connection may carry another request; undefined where the oracle does not tell. */
  readonly keepAlive: boolean | undefined
}

/** What a reader made of the bytes: all up to the first final response, or what there was of it. */
export interface Outcome {
  readonly messages: readonly ReadMessage[]
  /** Why it takes the bytes for no response. A response whose end is still waited for is not refused, and not whole. */
  readonly refused?: string | undefined
}

/** Reads one response out of bytes that come in pieces, over memory alone. */
export interface Oracle {
  readonly name: string
  read (pieces: readonly Buffer[], end: End, asked: Asked): Promise<Outcome>
}

/** The final response, if its end was seen. A 101 is one where another protocol began with it. */
export function wholeOf ({ messages }: Outcome): ReadMessage | undefined {
  const last = messages.at(-1)
  return last?.whole === true && (last.status < 100 || last.status >= 200 || last.upgraded) ? last : undefined
}

/** Names in lower case, and the name of the transfer coding, which h11 tells so: how it is spelled is no difference. */
export function lowered (lines: readonly string[]): string[] {
  return lines.map((text, i) => i % 2 === 0 || lines[i - 1]!.toLowerCase() === 'transfer-encoding' ? text.toLowerCase() : text)
}
