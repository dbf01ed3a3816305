import { chosenWay, validRequest, validResponse } from './message.js'
import type { Dice, Message } from './message.js'

const ODD_BYTES = ['\0', '\x01', '\b', '\t', '\n', '\v', '\r', '\r\n', ' ', '"', ',', ':', ';', '0', '-', '+', '\x7f', '\x80', '\xff']
const ODD_LINES = [
  'Content-Length: 5', 'Content-Length: 0', 'Content-Length: 99999999999999999999', 'content-length: -1', 'Content-Length : 3', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding:\tchunked', 'Transfer-Encoding: identity', 'Host: evil.test', 'Connection: close', 'Connection: content-length, transfer-encoding, host', 'Connection: upgrade', 'Upgrade: websocket', 'Upgrade: h2c',
  'Expect: 100-continue', 'Expect: 200-ok', 'Trailer: x-a', 'Keep-Alive: timeout=1', 'Keep-Alive: timeout=0, max=0', ' folded', '\tfolded', ': no name', 'no colon', '__proto__: 1', 'Via: 1.1 holdfast, 1.1 holdfast',
  'Max-Forwards: 0', 'Content-Type:', 'Content-Type: nonsense', 'Location: http://[', 'Location: a', 'Set-Cookie: \xff', 'Sec-WebSocket-Key: x', 'Range: bytes=0-1', 'x_forwarded_for: 1'
]
const ODD_STARTS = ['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', 'HTTP/1.1 600 Odd\r\n', 'HTTP/2.0 200 OK\r\n', '\r\n', '\n', ' ', 'PRI * HTTP/2.0\r\n\r\n', '\x16\x03\x01']

type Mutate = (text: string, dice: Dice) => string

const cut = (text: string, dice: Dice): [from: number, to: number] => {
  const from = dice.below(text.length)
  return [from, Math.min(text.length, from + 1 + dice.below(dice.one([1, 4, 20])))]
}
const lines = (text: string, dice: Dice, change: (lines: string[], at: number) => void): string => {
  const all = text.split('\r\n')
  change(all, dice.below(all.length))
  return all.join('\r\n')
}

const MUTATIONS: readonly Mutate[] = [
  // flip a bit
  (text, dice) => { const at = dice.below(text.length); return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << dice.below(8))) + text.slice(at + 1) },
  // replace or insert a byte
  (text, dice) => { const at = dice.below(text.length); return text.slice(0, at) + dice.one(ODD_BYTES) + text.slice(at + dice.below(2)) },
  // delete or repeat a range
  (text, dice) => { const [from, to] = cut(text, dice); return text.slice(0, from) + text.slice(to) },
  (text, dice) => { const [from, to] = cut(text, dice); return text.slice(0, to) + text.slice(from) },
  // change lines
  (text, dice) => lines(text, dice, (all, at) => { all.splice(at, 1) }),
  (text, dice) => lines(text, dice, (all, at) => { all.splice(at, 0, all[at]!) }),
  (text, dice) => lines(text, dice, (all, at) => { all.splice(dice.below(all.length), 0, ...all.splice(at, 1)) }),
  (text, dice) => lines(text, dice, (all, at) => { all.splice(Math.max(1, at), 0, dice.one(ODD_LINES)) }),
  (text, dice) => lines(text, dice, (all) => { all.splice(1, 0, dice.one(ODD_LINES)) }),
  // change a number: length, chunk size, version, status
  (text, dice) => {
    const numbers = [...text.matchAll(/\d+/g)]
    const chosen = numbers.length === 0 ? undefined : dice.one(numbers)
    if (chosen === undefined) return text
    const to = dice.one(['0', '1', '-1', '7', '00', '0x5', '1e3', 'ffffffff', '4294967296', '18446744073709551616', String(Number(chosen[0]) + 1), String(Math.max(0, Number(chosen[0]) - 1)), ''])
    return text.slice(0, chosen.index) + to + text.slice(chosen.index + chosen[0].length)
  },
  // change line ends
  (text, dice) => { const at = text.indexOf('\r\n', dice.below(text.length)); return at === -1 ? text : text.slice(0, at) + dice.one(['\n', '\r', '\r\r\n', '\n\r', ' \r\n']) + text.slice(at + 2) },
  // cut the end off
  (text, dice) => text.slice(0, 1 + dice.below(text.length)),
  // add bytes at the start or the end
  (text, dice) => dice.one(ODD_STARTS) + text,
  (text, dice) => text + dice.one(['\r\n', 'x', '\0', '0\r\n\r\n', 'GET /f/behind HTTP/1.1\r\nHost: gateway.test\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad']),
  // repeat a part many times
  (text, dice) => lines(text, dice, (all) => { all.splice(1, 0, `x-huge: ${'a'.repeat(dice.one([8_000, 20_000, 70_000]))}`) }),
  (text, dice) => lines(text, dice, (all) => { all.splice(1, 0, ...Array.from({ length: dice.one([90, 990, 1_100]) }, () => 'a: b')) })
]
/** The costly mutations come last, and are chosen seldom. */
const CHEAP = MUTATIONS.length - 2

/** A message with one valid side; the other side was valid until one to three changes. */
export function mutatedMessage (dice: Dice): Message {
  if (dice.chance(0.5)) {
    let text = ''
    for (let i = dice.chance(0.3) ? 2 + dice.below(3) : 1; i > 0; i--) text += validRequest(dice, { head: false }).text
    return { mutated: 'request', way: chosenWay(dice, 'request'), pieces: split(mutate(text, dice), dice), response: Buffer.alloc(0), ends: false, head: false }
  }
  const request = validRequest(dice)
  const { text, ends } = validResponse(dice)
  const way = chosenWay(dice, 'response')
  return { mutated: 'response', way, pieces: way === 'slow' ? split(request.text, dice) : [Buffer.from(request.text, 'latin1')], response: Buffer.from(mutate(text, dice), 'latin1'), ends: ends || dice.chance(0.4), head: request.head }
}

/** Makes one to three changes. */
export function mutate (text: string, dice: Dice): string {
  for (let i = 1 + dice.below(3); i > 0 && text.length > 0; i--) {
    text = (dice.chance(0.02) ? MUTATIONS[CHEAP + dice.below(2)]! : MUTATIONS[dice.below(CHEAP)]!)(text, dice)
  }
  return text
}

/** Splits a text into one to six pieces. */
export function split (text: string, dice: Dice): Buffer[] {
  const pieces: Buffer[] = []
  const most = dice.chance(0.3) ? 1 + dice.below(5) : 0
  for (let i = 0; i < most && text.length > 1; i++) {
    const at = 1 + dice.below(text.length - 1)
    pieces.push(Buffer.from(text.slice(0, at), 'latin1'))
    text = text.slice(at)
  }
  return [...pieces, Buffer.from(text, 'latin1')]
}
