// In bytes. An EndpointSlice has at most 1 000 endpoints, and etcd takes objects up to 1.5 MiB.
const LONGEST_LINE = 8 * 1024 * 1024
const LINE_FEED = 0x0a

/** Makes lines of bytes that arrive in pieces of any size. A line that is cut by the end is no line. */
export class JsonLines {
  #pieces: Buffer[] = []
  #held = 0

  /** The lines that these bytes complete, without blank ones. Throws a RangeError for a line that is too long. */
  push (bytes: Buffer): string[] {
    const lines: string[] = []
    let from = 0
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, from)) {
      // Decoded as a whole, since a character may be cut between two pieces.
      const line = Buffer.concat([...this.#pieces, bytes.subarray(from, end)]).toString().trim()
      this.#pieces = []
      this.#held = 0
      from = end + 1
      if (line !== '') lines.push(line)
    }
    const rest = bytes.subarray(from)
    this.#held += rest.length
    if (this.#held > LONGEST_LINE) throw new RangeError(`a line is longer than ${LONGEST_LINE} bytes`)
    if (rest.length > 0) this.#pieces.push(rest)
    return lines
  }
}
