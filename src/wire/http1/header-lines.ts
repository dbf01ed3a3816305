// The limit of one header section: a head or trailers.
const MOST_LINES = 1_000
/**
 * For each line of the present head, where its name and its value begin and end. Shared by all parsers, since one parser runs at a time.
 */
const places = new Int32Array(4 * (MOST_LINES + 1))

const SPACE = 0x20
const TAB = 0x09

type Part = 'name' | 'value'

/**
 * The lines of one header section. Most sections arrive in one piece of input. Then only positions are noted, and at the end all lines are
 * cut from one decoded text. The lines of a section that arrives in several pieces are decoded as they arrive.
 */
export class HeaderLines {
  /** Bytes of names and values. */
  size = 0
  #count = 0
  #part: Part | undefined
  /** Where the last name or value ends in the present input; 0 before the first. */
  end = 0
  /** Names and values in turn, from earlier pieces of input. The last one may be incomplete. */
  #texts: string[] | undefined
  #goesOn = false

  /** @returns whether the section has no more lines than `MOST_LINES` */
  name (bytes: Buffer, start: number, end: number): boolean {
    this.size += end - start
    this.end = end
    if (this.#texts !== undefined) return this.#add(this.#texts, 'name', bytes, start, end)
    const at = 4 * this.#count++
    if (this.#count > MOST_LINES) return false
    places[at] = start
    places[at + 1] = end
    // The default of a value without an event. The present build of llhttp raises an event for an empty value too.
    places[at + 2] = places[at + 3] = end
    this.#part = 'name'
    return true
  }

  value (bytes: Buffer, start: number, end: number): boolean {
    this.size += end - start
    this.end = end
    if (this.#texts !== undefined) return this.#add(this.#texts, 'value', bytes, start, end)
    const at = 4 * this.#count - 2
    places[at] = start
    places[at + 1] = end
    this.#part = 'value'
    return true
  }

  /** Call this when the piece of input ends before the section does. */
  carryOver (bytes: Buffer, inputEnd: number): void {
    if (this.#texts === undefined) this.#texts = this.#cut(bytes, false)
    // A name or value that reaches the end of the input may go on in the next piece.
    this.#goesOn = this.#part !== undefined && this.end === inputEnd
    this.end = 0
  }

  /** Ends the section and returns its names and values in turn. The next call begins a new section. */
  take (bytes: Buffer): string[] {
    const lines = this.#texts === undefined ? this.#cut(bytes, true) : whole(this.#texts)
    this.clear()
    return lines
  }

  clear (): void {
    this.size = this.#count = this.end = 0
    this.#part = this.#texts = undefined
    this.#goesOn = false
  }

  #add (texts: string[], part: Part, bytes: Buffer, start: number, end: number): boolean {
    const text = bytes.toString('latin1', start, end)
    if (this.#goesOn && this.#part === part) {
      texts[texts.length - 1] += text
    } else {
      // Two names in a row: the value between them was empty.
      if ((texts.length % 2 === 1) === (part === 'name')) texts.push('')
      texts.push(text)
    }
    this.#goesOn = false
    this.#part = part
    return texts.length <= 2 * MOST_LINES
  }

  /** @param isWhole whether all values are complete, so that white space at the end of a value is removed */
  #cut (bytes: Buffer, isWhole: boolean): string[] {
    const lines: string[] = []
    if (this.#count === 0) return lines
    const from = places[0]!
    const text = bytes.toString('latin1', from, this.end)
    for (let at = 0; at < 4 * this.#count; at += 4) {
      const value = text.slice(places[at + 2]! - from, places[at + 3]! - from)
      lines.push(text.slice(places[at]! - from, places[at + 1]! - from), isWhole ? trimmedEnd(value) : value)
    }
    // The value of the last name has not begun.
    if (this.#part === 'name') lines.pop()
    return lines
  }
}

function whole (texts: string[]): string[] {
  if (texts.length % 2 === 1) texts.push('')
  return texts.map((text, i) => i % 2 === 1 ? trimmedEnd(text) : text)
}

function isBlank (code: number): boolean {
  return code === SPACE || code === TAB
}

function trimmedEnd (text: string): string {
  let end = text.length
  while (end > 0 && isBlank(text.charCodeAt(end - 1))) end--
  return end === text.length ? text : text.slice(0, end)
}
