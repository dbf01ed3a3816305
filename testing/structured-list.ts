/** A structured field's bare item. Tokens are objects, to differ from strings. */
export type BareItem = string | number | boolean | Buffer | { token: string }
export interface Item { value: BareItem, parameters: Map<string, BareItem> }

/** Parses a list of items by RFC 8941 section 4.2, and throws where the RFC says to fail. It does not accept inner lists. */
export function parseList (field: string): Item[] {
  const input = new Input(field)
  const members: Item[] = []
  input.skip(' ')
  while (!input.atEnd) {
    members.push({ value: bareItem(input), parameters: parameters(input) })
    input.skip(' \t')
    if (input.atEnd) return members
    input.expect(',')
    input.skip(' \t')
    if (input.atEnd) throw new Error('a comma at the end')
  }
  return members
}

class Input {
  readonly #text: string
  #at = 0

  constructor (text: string) {
    // A field has ASCII only.
    if (/[^\x20-\x7e\t]/.test(text)) throw new Error('not ASCII')
    this.#text = text.replace(/ +$/, '')
  }

  get atEnd (): boolean { return this.#at === this.#text.length }
  peek (): string { return this.#text[this.#at] ?? '' }

  take (): string {
    if (this.atEnd) throw new Error('ends too early')
    return this.#text[this.#at++]!
  }

  expect (char: string): void {
    if (this.take() !== char) throw new Error(`no ${char} before ${this.#text.slice(this.#at)}`)
  }

  skip (chars: string): void {
    while (!this.atEnd && chars.includes(this.peek())) this.#at++
  }

  /** Matches a sticky expression at this place. */
  match (pattern: RegExp): string {
    const found = new RegExp(pattern.source, 'y')
    found.lastIndex = this.#at
    const [text] = found.exec(this.#text) ?? []
    if (text === undefined) throw new Error(`no ${String(pattern)} at ${this.#text.slice(this.#at)}`)
    this.#at += text.length
    return text
  }
}

function parameters (input: Input): Map<string, BareItem> {
  const found = new Map<string, BareItem>()
  while (input.peek() === ';') {
    input.take()
    input.skip(' ')
    const key = input.match(/[a-z*][a-z0-9_.*-]*/)
    if (input.peek() !== '=') found.set(key, true)
    else {
      input.take()
      found.set(key, bareItem(input))
    }
  }
  return found
}

function bareItem (input: Input): BareItem {
  const first = input.peek()
  if (/[-\d]/.test(first)) return number(input)
  if (first === '"') return string(input)
  if (first === ':') return Buffer.from(input.match(/:[A-Za-z0-9+/=]*:/).slice(1, -1), 'base64')
  if (first === '?') return input.match(/\?[01]/) === '?1'
  return { token: input.match(/[A-Za-z*][!#$%&'*+.^_`|~:/A-Za-z0-9-]*/) }
}

function number (input: Input): number {
  const text = input.match(/-?\d+(?:\.\d*)?/)
  const [, whole, fraction] = /^-?(\d+)(?:\.(\d*))?$/.exec(text)!
  if (fraction === undefined ? whole!.length > 15 : whole!.length > 12 || fraction.length < 1 || fraction.length > 3) throw new Error(`no number: ${text}`)
  return Number(text)
}

function string (input: Input): string {
  let text = ''
  input.expect('"')
  for (;;) {
    const char = input.take()
    if (char === '"') return text
    if (char === '\t') throw new Error('a tab in a string')
    if (char !== '\\') text += char
    else if (/["\\]/.test(input.peek())) text += input.take()
    else throw new Error('an escape that is none')
  }
}
