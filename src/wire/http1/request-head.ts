import { HoldfastError } from '../../errors.js'
import { isFieldValue, isToken } from '../../http/field-syntax.js'

/** What a request's head is made of. */
export interface RequestHeadParts {
  readonly method: string
  /** With the query. */
  readonly path: string
  /** Names and values in turn, sent as they are. A `host` header replaces the origin's. */
  readonly headers: readonly string[]
  /** The protocol to upgrade to; undefined for an ordinary request. */
  readonly upgrade: string | undefined
}

/** How a request's body is framed (RFC 9112 section 6): its length in bytes, `chunked`, or undefined where there is no body. */
export type RequestFraming = number | 'chunked' | undefined

const UNWRITABLE_PATH = /[^\x21-\xff]/
// Headers that `encode` writes itself. A second one would change where the message ends, or what happens to the connection.
const OURS = new Set(['content-length', 'transfer-encoding', 'connection', 'upgrade', 'keep-alive', 'expect'])
const HOST_LENGTH = 4
// Names that have passed `admit`. Most requests have the same few names. Bounded, since clients choose them.
const MOST_NAMES = 1_000
const names = new Set<string>()

// The lines of the head that is being made. Adding text to text would make V8 collect twice as many bytes.
const lines: string[] = []

/** Makes the heads of requests to one origin. */
export class RequestHeads {
  readonly #host: string

  /** @param host the origin's host, with its port unless it is the default port */
  constructor (host: string) {
    this.#host = host
  }

  /**
   * The bytes of a head, as latin1 text. Throws HOLDFAST_ERR_UNSENDABLE for a part that the backend could read as something else: a value
   * with a line break, a name that is not a token, or a header that says how the message or the connection ends.
   *
   * @param keep whether to ask the backend to keep the connection
   */
  encode ({ method, path, headers, upgrade }: RequestHeadParts, framing: RequestFraming, keep: boolean): string {
    if (!isToken(method)) throw unsendable('the method is not a token')
    if (path === '' || UNWRITABLE_PATH.test(path)) {
      throw unsendable('the path is empty, or has a space, a control character, or a character that is not one byte')
    }
    let host = this.#host
    let count = 1
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i]!
      const value = headers[i + 1]!
      if (!names.has(name)) admit(name)
      // The app may have set a value of any type.
      if (typeof value !== 'string' || !isFieldValue(value)) {
        throw unsendable(`the value of ${name} is not a string, or has a control character or a character that is not one byte`)
      }
      if (name.length === HOST_LENGTH && name.toLowerCase() === 'host') {
        if (host !== this.#host) throw unsendable('there are two Host headers')
        host = value
        continue
      }
      lines[count++] = `${name}: ${value}`
    }
    const connection = upgrade === undefined ? (keep ? KEEP : CLOSE) : `connection: upgrade\r\nupgrade: ${plain(upgrade)}`
    lines[0] = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${connection}`
    if (framing !== undefined) lines[count++] = framed(framing)
    lines[count++] = ''
    lines[count++] = ''
    lines.length = count
    return lines.join('\r\n')
  }
}

const KEEP = 'connection: keep-alive'
const CLOSE = 'connection: close'

function framed (framing: number | 'chunked'): string {
  return framing === 'chunked' ? 'transfer-encoding: chunked' : `content-length: ${framing}`
}

function plain (upgrade: string): string {
  if (!isFieldValue(upgrade)) throw unsendable('the protocol of the upgrade has a control character or a character that is not one byte')
  return upgrade
}

function admit (name: string): void {
  if (!isToken(name)) throw unsendable('the name of a header is not a token')
  if (OURS.has(name.toLowerCase())) throw unsendable(`${name} cannot be set: the gateway writes it itself`)
  if (names.size >= MOST_NAMES) names.clear()
  names.add(name)
}

function unsendable (why: string): HoldfastError {
  return new HoldfastError('HOLDFAST_ERR_UNSENDABLE', { cause: new Error(why) })
}
