/**
 * Parses the text of a text/event-stream, which may arrive in any pieces. Comments, ids and retry times are ignored.
 */
export class EventStreamParser {
  #rest = ''
  #type = ''
  /** @type {string[]} */
  #data = []
  #onEvent

  /** @param {(type: string, data: string) => void} onEvent */
  constructor (onEvent) {
    this.#onEvent = onEvent
  }

  /** @param {string} text */
  push (text) {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#line(line.endsWith('\r') ? line.slice(0, -1) : line)
  }

  /** @param {string} line */
  #line (line) {
    if (line === '') {
      if (this.#data.length > 0) this.#onEvent(this.#type === '' ? 'message' : this.#type, this.#data.join('\n'))
      this.#type = ''
      this.#data = []
      return
    }
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'event') this.#type = value
    else if (field === 'data') this.#data.push(value)
  }
}
