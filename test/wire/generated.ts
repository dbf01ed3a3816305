import type { Dice } from '../fuzz/message.js'
import { lowered } from './oracles/outcome.js'
import type { Asked, End, ReadMessage } from './oracles/outcome.js'

/** The meaning of a response, independent of its reader. */
export type Meaning = Pick<ReadMessage, 'status' | 'lines' | 'body' | 'trailers' | 'upgraded'>

/** A random response like those of servers, and its meaning. */
export interface Ordinary {
  readonly asked: Asked
  /** In Latin-1. */
  readonly text: string
  readonly end: End
  readonly meaning: readonly Meaning[]
}

interface Line { name: string, value: string, around: string }

const METHODS = ['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'HEAD', 'PATCH']
const STATUSES = [200, 200, 200, 200, 201, 202, 203, 205, 206, 207, 226, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 404, 405, 409, 410, 412, 413, 416, 418, 421, 422, 429, 431, 451, 500, 501, 502, 503, 504, 511, 599]
const REASONS = ['OK', 'OK', 'Not Found', '', 'A reason of several words', 'Ori\xc3\xabntatie', 'with\ttab', '200', ' two spaces', 'x'.repeat(300)]
const USUAL = [
  'Date: Tue, 15 Nov 1994 08:12:31 GMT', 'Server: Apache/2.4.1 (Unix)', 'Content-Type: text/html; charset=utf-8', 'content-type: application/json', 'ETag: "33a64df551425fcc55e4d42a148795d9f25f89d4"',
  'Set-Cookie: id=a3fWa; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Secure', 'set-cookie: a=b', 'SET-COOKIE: c=d', 'Vary: Accept-Encoding', 'Via: 1.1 varnish', 'Keep-Alive: timeout=5, max=100', 'Keep-Alive: 300',
  'Connection: keep-alive', 'Connection: Keep-Alive, x-a', 'Connection: close', 'Trailer: x-sum', 'Proxy-Connection: keep-alive', 'Upgrade: h2c', 'Content-Length-X: 5', 'X-Transfer-Encoding: chunked', 'Location: /other?a=b#c',
  'Cache-Control: max-age=0, no-cache', 'Age: 0', 'Link: </style.css>; rel=preload', 'WWW-Authenticate: Basic realm="a, b"', 'P3P: CP="this is not a policy"', 'Content-Encoding: gzip', 'X-Empty:'
]
const TOKEN = '!#$%&\'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const AROUND = [' ', ' ', ' ', ' ', '', '\t', '  ', ' \t ']
// llhttp refuses a tab after a length, and reads `chunked` with a tab after it as another coding.
const AROUND_FRAMING = [' ', ' ', ' ', '', '\t', '  ']
// Framing fields are added separately.
const RESERVED = /^(?:content-length|transfer-encoding|connection|proxy-connection|upgrade|keep-alive|trailer)$/i

const some = (dice: Dice, from: string, most: number): string => Array.from({ length: 1 + dice.below(most) }, () => from[dice.below(from.length)]).join('')
const shuffledIn = (dice: Dice, lines: Line[], line: Line): void => { lines.splice(dice.below(lines.length + 1), 0, line) }
const cased = (dice: Dice, name: string): string => dice.one([name, name, name.toLowerCase(), name.toUpperCase()])

export function ordinaryResponse (dice: Dice): Ordinary {
  const asked = request(dice)
  const before: Meaning[] = []
  let text = ''
  while (dice.chance(0.1)) {
    // llhttp reads no response after one that says close, even after an interim one.
    const lines = dice.chance(0.5) ? fields(dice, 2, RESERVED) : []
    const status = dice.one([102, 103, 103, 110])
    text += `HTTP/1.1 ${status} ${dice.one(REASONS)}\r\n${written(lines)}\r\n`
    before.push({ status, lines: meant(lines), body: '', trailers: [], upgraded: false })
  }
  if (asked.upgrade === true && dice.chance(0.7)) return switched(dice, asked, text, before, 101)
  if (asked.method === 'CONNECT' && dice.chance(0.6)) return switched(dice, asked, text, before, 200)
  return answered(dice, asked, text, before)
}

function request (dice: Dice): Asked {
  const kind = dice.below(20)
  if (kind === 0) return { method: 'CONNECT' }
  return kind < 3 ? { method: 'GET', upgrade: true } : { method: dice.one(METHODS) }
}

/** An answer that begins another protocol, and some bytes of that protocol. */
function switched (dice: Dice, asked: Asked, text: string, before: Meaning[], status: number): Ordinary {
  const lines = fields(dice, 4, status === 101 ? /^upgrade|connection/i : RESERVED)
  if (status === 101) {
    shuffledIn(dice, lines, { name: cased(dice, 'Connection'), value: dice.one(['upgrade', 'Upgrade', 'keep-alive, Upgrade']), around: ' ' })
    shuffledIn(dice, lines, { name: cased(dice, 'Upgrade'), value: 'websocket', around: ' ' })
  }
  const body = dice.chance(0.5) ? bytes(dice) : ''
  const head = `HTTP/1.1 ${status} ${dice.one(REASONS)}\r\n${written(lines)}\r\n`
  return { asked, text: text + head + body, end: dice.one(['fin', 'open']), meaning: [...before, { status, lines: meant(lines), body, trailers: [], upgraded: true }] }
}

function answered (dice: Dice, asked: Asked, before: string, meaning: Meaning[]): Ordinary {
  const connect = asked.method === 'CONNECT'
  const status = dice.chance(0.15) ? dice.one(connect ? [304] : [204, 304]) : dice.one(connect ? STATUSES.filter(status => status >= 300) : STATUSES)
  const bodiless = status === 204 || status === 304 || asked.method === 'HEAD'
  const minor = dice.chance(0.1) ? 0 : 1
  const lines = fields(dice, dice.chance(0.02) ? 60 : 10)
  const body = bytes(dice)
  const by = dice.one(minor === 0 ? ['length', 'length', 'end'] as const : ['length', 'length', 'chunked', 'chunked', 'end'] as const)
  let framed = body
  let trailers: Line[] = []
  if (by === 'length' && !(status === 204)) {
    shuffledIn(dice, lines, { name: cased(dice, 'Content-Length'), value: String(body.length), around: dice.one(AROUND_FRAMING) })
  } else if (by === 'chunked' && status !== 204) {
    shuffledIn(dice, lines, { name: cased(dice, 'Transfer-Encoding'), value: dice.one(['chunked', 'chunked', 'Chunked']), around: dice.one(AROUND_FRAMING) })
    trailers = dice.chance(0.3) ? fields(dice, 3, RESERVED) : []
    framed = chunks(dice, body) + written(trailers) + '\r\n'
  }
  const head = `HTTP/1.${minor} ${status} ${dice.one(REASONS)}\r\n${written(lines)}\r\n`
  const end = by === 'end' && !bodiless ? 'fin' : dice.one(['fin', 'open'] as const)
  if (bodiless) return { asked, text: before + head, end, meaning: [...meaning, { status, lines: meant(lines), body: '', trailers: [], upgraded: false }] }
  return { asked, text: before + head + framed, end, meaning: [...meaning, { status, lines: meant(lines), body, trailers: meant(trailers), upgraded: false }] }
}

function fields (dice: Dice, most: number, without?: RegExp): Line[] {
  const lines: Line[] = []
  for (let i = dice.below(most + 1); i > 0; i--) {
    const line = dice.chance(0.6) ? usual(dice) : odd(dice)
    if (without === undefined || !without.test(line.name)) lines.push(line)
  }
  return lines
}

function usual (dice: Dice): Line {
  const text = dice.one(USUAL)
  const colon = text.indexOf(':')
  return { name: cased(dice, text.slice(0, colon)), value: text.slice(colon + 1).trim(), around: dice.one(AROUND) }
}

function odd (dice: Dice): Line {
  let name = some(dice, TOKEN, dice.chance(0.02) ? 200 : 20)
  if (RESERVED.test(name)) name = `x-${name}`
  const value = Array.from({ length: dice.below(dice.chance(0.02) ? 3_000 : 40) }, () => valueByte(dice)).join('')
  return { name, value: value.replace(/^[ \t]+/, '').replace(/[ \t]+$/, ''), around: dice.one(AROUND) }
}

// Visible ASCII, spaces, some tabs, and the upper half of Latin-1.
function valueByte (dice: Dice): string {
  const kind = dice.below(12)
  return kind === 0 ? '\t' : kind < 3 ? ' ' : String.fromCharCode(kind < 5 ? 0x80 + dice.below(128) : 0x21 + dice.below(94))
}

function bytes (dice: Dice): string {
  const length = dice.chance(0.01) ? dice.below(200_000) : dice.chance(0.1) ? dice.below(2_000) : dice.below(40)
  return length > 2_000 ? 'a line of text\r\n'.repeat(Math.ceil(length / 16)).slice(0, length) : Array.from({ length }, () => String.fromCharCode(dice.below(256))).join('')
}

/** The chunks without the trailers and the empty line. */
function chunks (dice: Dice, body: string): string {
  let text = ''
  for (let at = 0; at < body.length;) {
    const piece = body.slice(at, at + 1 + dice.below(dice.one([1, 10, 100, 100_000])))
    text += `${size(dice, piece.length)}\r\n${piece}\r\n`
    at += piece.length
    // Single-byte chunks occur at most once.
    if (text.length > 300_000) return `${text}${body.slice(at) === '' ? '' : `${(body.length - at).toString(16)}\r\n${body.slice(at)}\r\n`}0\r\n`
  }
  return `${text}${size(dice, 0)}\r\n`
}

function size (dice: Dice, length: number): string {
  let text = length.toString(16)
  if (dice.chance(0.3)) text = text.toUpperCase()
  if (dice.chance(0.1)) text = '0'.repeat(1 + dice.below(4)) + text
  return dice.chance(0.1) ? text + dice.one([';a', ';a=b', ';a="b c"', ';a=b;c="d;e"', ';x-y=1;z']) : text
}

const written = (lines: readonly Line[]): string => lines.map(({ name, value, around }) => `${name}:${around}${value}${around.length > 1 ? around : ''}\r\n`).join('')
const meant = (lines: readonly Line[]): string[] => lowered(lines.flatMap(({ name, value }) => [name, value]))
