import type { Dice } from '../fuzz/message.js'
import type { Field } from '../../testing/wire-message.js'

/** A request as its client writes it, and what its backend must get. */
export interface WrittenRequest {
  readonly method: string
  readonly path: string
  /** The end-to-end lines without Host: their bytes, case, order and number. */
  readonly lines: readonly Field[]
  readonly body: string
  /** In Latin-1. Each piece after the first is written when the backend has the request's head. */
  readonly pieces: readonly string[]
  readonly kind: BodyKind
}

type BodyKind = 'none' | 'length' | 'length 0' | 'chunked' | 'chunked, empty' | 'streamed' | 'long'

const KINDS: readonly BodyKind[] = ['none', 'none', 'none', 'length', 'length', 'length 0', 'chunked', 'chunked', 'chunked, empty', 'streamed']
const USUAL = [
  'Accept: */*', 'accept: text/html;q=0.8, */*;q=0.1', 'ACCEPT-ENCODING: gzip, br', 'Cookie: a=b; c=d', 'cookie: e=f', 'COOKIE: g="h i"', 'Authorization: Basic YWxhZGRpbjpvcGVuc2VzYW1l', 'User-Agent: curl/8.0', 'Origin: http://a.test',
  'If-None-Match: "a", W/"b"', 'Range: bytes=0-99', 'Referer: http://a.test/b?c#d', 'X-Request-Id: 0', 'x-request-id: 1', 'Cache-Control: no-cache', 'Pragma:', 'X-Empty:', 'Accept-Language: de, en', 'DNT: 1', 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'Content-Type: text/plain', 'content-type: application/octet-stream', 'Content-Encoding: gzip', 'X-Transfer-Encoding: chunked', 'Content-Length-X: 5', 'Sec-WebSocket-Key: x', 'Content-Disposition: attachment; filename="\xe4.txt"'
]
// Not forwarded: by rule, or because the request's Connection names them.
const DROPPED = ['Keep-Alive: timeout=5', 'Proxy-Connection: keep-alive', 'TE: trailers', 'Trailer: x-sum', 'Connection: keep-alive', 'Connection: x-drop, keep-alive\r\nX-Drop: 1', 'connection: X-DROP\r\nx-drop: 1\r\nx-Drop: 2', 'Proxy-Authorization: Basic YQ==']
const LETTERS = '!#$%&\'*+-.^`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const PATHS = ['', '?a=b', '?a=b&a=c%20d', '/%2f/%C3%A4', '/a;b=c/d', '/~a/-_.!*\'()', '?q=a+b|c', '?%']
const BODY_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET']

export function writtenRequest (dice: Dice, nth: number): WrittenRequest {
  const kind = dice.chance(0.02) ? 'long' : dice.one(KINDS)
  const method = kind === 'none' ? dice.one(['GET', 'GET', 'HEAD', 'DELETE', 'OPTIONS']) : dice.one(BODY_METHODS)
  const path = `/r/${nth}${dice.one(PATHS)}`
  const lines: Field[] = []
  const written: string[] = []
  for (let i = dice.below(dice.chance(0.05) ? 80 : 12); i > 0; i--) {
    if (dice.chance(0.12)) {
      written.push(dice.one(DROPPED))
      continue
    }
    const [name, value] = dice.chance(0.6) ? usual(dice) : odd(dice)
    // No app accepts more than one media type.
    if (name.toLowerCase() === 'content-type' && lines.some(([name]) => name.toLowerCase() === 'content-type')) continue
    // Cookie lines are joined into the first (RFC 6265 section 5.4 allows one).
    const cookie = name.toLowerCase() === 'cookie' ? lines.find(([name]) => name.toLowerCase() === 'cookie') : undefined
    if (cookie !== undefined) cookie[1] += `; ${value}`
    else lines.push([name, value])
    written.push(`${name}:${dice.one([' ', ' ', ' ', '', '\t', '  '])}${value}${dice.one(['', '', '', ' ', '\t'])}`)
  }
  const { body, framing, rest } = bodyOf(dice, kind)
  written.splice(dice.below(written.length + 1), 0, 'Host: gateway.test')
  if (framing !== '') written.splice(dice.below(written.length + 1), 0, framing)
  const head = `${method} ${path} HTTP/1.1\r\n${written.map(line => `${line}\r\n`).join('')}\r\n`
  return { method, path, lines, body, pieces: [head + rest[0]!, ...rest.slice(1)], kind }
}

function usual (dice: Dice): Field {
  const text = dice.one(USUAL)
  const colon = text.indexOf(':')
  return [text.slice(0, colon), text.slice(colon + 1).trim()]
}

function odd (dice: Dice): Field {
  const name = Array.from({ length: 1 + dice.below(16) }, () => LETTERS[dice.below(LETTERS.length)]).join('')
  const value = Array.from({ length: dice.below(60) }, () => dice.chance(0.1) ? dice.one(['\t', ' ', '\xe9', '\x80', '\xff']) : String.fromCharCode(0x21 + dice.below(94))).join('')
  return [`X-${name}`, value.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '')]
}

function bodyOf (dice: Dice, kind: BodyKind): { body: string, framing: string, rest: string[] } {
  const body = kind === 'long' ? 'a long body '.repeat(12_000) : Array.from({ length: 1 + dice.below(300) }, () => String.fromCharCode(dice.below(256))).join('')
  const length = `Content-Length: ${body.length}`
  const coded = dice.one(['Transfer-Encoding: chunked', 'transfer-encoding:chunked'])
  switch (kind) {
    case 'none': return { body: '', framing: '', rest: [''] }
    case 'length 0': return { body: '', framing: 'Content-Length: 0', rest: [''] }
    case 'length': case 'long': return { body, framing: length, rest: [body] }
    case 'chunked, empty': return { body: '', framing: coded, rest: ['0\r\n\r\n'] }
    case 'chunked': return { body, framing: coded, rest: [`${chunked(dice, body)}0\r\n\r\n`] }
    case 'streamed': {
      const at = 1 + dice.below(body.length)
      return { body, framing: coded, rest: [chunked(dice, body.slice(0, at)), `${chunked(dice, body.slice(at))}0\r\nx-trailer: dropped\r\n\r\n`] }
    }
  }
}

function chunked (dice: Dice, body: string): string {
  let text = ''
  for (let at = 0; at < body.length;) {
    const piece = body.slice(at, at + 1 + dice.below(80))
    text += `${piece.length.toString(16)}${dice.one(['', '', ';a', ';a="b;c"'])}\r\n${piece}\r\n`
    at += piece.length
  }
  return text
}
