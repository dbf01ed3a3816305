import type { Dice } from '../fuzz/message.js'
import { mutate, split } from '../fuzz/mutation.js'
import { ordinaryResponse } from './generated.js'
import type { Meaning } from './generated.js'
import type { Asked, End } from './oracles/outcome.js'

/** A response, in the pieces in which it is read. */
export interface Message {
  readonly asked: Asked
  readonly pieces: readonly Buffer[]
  readonly end: End
  /** Its meaning, if it was not mutated. */
  readonly meaning: readonly Meaning[] | undefined
}

type Change = (text: string, dice: Dice) => string

/** Replaces a random match. */
const replaced = (text: string, dice: Dice, where: RegExp, by: readonly string[]): string => {
  const found = [...text.matchAll(where)]
  if (found.length === 0) return text
  const { index, 0: { length } } = dice.one(found)
  return text.slice(0, index) + dice.one(by) + text.slice(index + length)
}

// Mutations that suit responses.
const CHANGES: readonly Change[] = [
  (text, dice) => replaced(text, dice, /HTTP\/1\.\d/g, ['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.10', 'HTTP/1', 'http/1.1', 'RTSP/1.0', 'ICE/1.0', 'HTTP/1.1 ', '\r\nHTTP/1.1', '\nHTTP/1.1']),
  (text, dice) => replaced(text, dice, / \d{3} /g, [' 100 ', ' 101 ', ' 199 ', ' 204 ', ' 304 ', ' 099 ', ' 600 ', ' 999 ', ' 20 ', ' 2000 ', ' 200', ' 200\t', '\t200 ', ' +20 ']),
  (text, dice) => replaced(text, dice, /content-length:[^\r\n]*/gi, ['Content-Length: +5', 'Content-Length: 5, 5', 'Content-Length: 5,6', 'Content-Length: 05', 'Content-Length:', 'Content-Length: 5\t', 'Content-Length: 5 5', 'Content-Length: 5\r\nContent-Length: 5', 'Content-Length : 5', 'Content-Length: 18446744073709551621', 'Transfer-Encoding: chunked']),
  (text, dice) => replaced(text, dice, /transfer-encoding:[^\r\n]*/gi, ['Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: chunked, gzip', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: chunked\t', 'Transfer-Encoding: \tchunked', 'Transfer-Encoding: chunked;a=b', 'Transfer-Encoding: xchunked', 'Transfer-Encoding:', 'Transfer-Encoding: identity', 'Transfer-Encoding: chunked\r\nContent-Length: 5', 'Transfer_Encoding: chunked', 'Transfer-Encoding: ,chunked', 'Transfer-Encoding: "chunked"', 'Content-Length: 5']),
  (text, dice) => replaced(text, dice, /\r\n[0-9a-f]+(?:;[^\r\n]*)?\r\n/gi, ['\r\n0\r\n', '\r\n5 \r\n', '\r\n 5\r\n', '\r\n+5\r\n', '\r\n0x5\r\n', '\r\n5;\r\n', '\r\n5;a="\r\n', '\r\n5;a=\x01\r\n', '\r\n5\n', '\r\n\r\n', '\r\nfffffffffffffffff\r\n', '\r\n00000000000000000005\r\n', '\r\n-1\r\n', '\r\n5;a=b\nc\r\n', '\r\n5 a\r\n']),
  (text, dice) => replaced(text, dice, /\r\n0\r\n/g, ['\r\n0\r\nConnection: close\r\n', '\r\n0\r\nTransfer-Encoding: chunked\r\n', '\r\n0\r\nContent-Length: 5\r\n', '\r\n0\r\nx-a : b\r\n', '\r\n0\r\n folded\r\n', '\r\n0\r\nnone\r\n', '\r\n0\n', '\r\n0\r\nx-a: \x01\r\n', '\r\n0\r\nTrailer: a\r\n']),
  (text, dice) => replaced(text, dice, /\r\n\r\n/g, ['\r\nConnection: close\r\n\r\n', '\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n', '\r\nProxy-Connection: close\r\n\r\n', '\r\n x\r\n\r\n', '\r\n\n', '\n\r\n', '\r\n\r', '\r\n\r\n\r\n'])
]

/** An ordinary response; three in four have one to three mutations. */
export function messageBy (dice: Dice): Message {
  const { asked, text, end, meaning } = ordinaryResponse(dice)
  if (dice.chance(0.25)) return { asked, pieces: cutUp(text, dice), end, meaning }
  let changed = text
  if (dice.chance(0.6)) for (let i = 1 + dice.below(2); i > 0; i--) changed = dice.one(CHANGES)(changed, dice)
  else changed = mutate(text, dice)
  return { asked, pieces: cutUp(changed, dice), end: dice.one(['fin', 'open']), meaning: undefined }
}

function cutUp (text: string, dice: Dice): Buffer[] {
  if (text.length < 300 && dice.chance(0.05)) return [...Buffer.from(text, 'latin1')].map(byte => Buffer.of(byte))
  return text === '' ? [] : split(text, dice)
}
