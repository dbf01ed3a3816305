import { seededRandom } from '../../testing/random.js'

/** A request in pieces, as its client writes it, and the answer of its backend. One of the two is mutated. */
export interface Message {
  readonly mutated: 'request' | 'response'
  readonly pieces: readonly Buffer[]
  readonly response: Buffer
  /** Whether the backend sends a FIN after its answer. */
  readonly ends: boolean
  /** Whether the request is a HEAD. */
  readonly head: boolean
  readonly way: Way
}

/** How a message is sent. `plain`, three in four: over HTTP/1.1, alone, at once, to an app with fast hooks. */
export type Way = 'plain' | 'pipelined' | 'slow' | 'slow hooks' | 'http2' | 'http2, and leaves'
const WAYS: readonly Way[] = ['pipelined', 'slow', 'slow hooks', 'slow hooks', 'http2', 'http2', 'http2, and leaves']

/** A way for a message. Invalid HTTP/1 cannot be written as an HTTP/2 request. */
export function chosenWay (dice: Dice, mutated: Message['mutated']): Way {
  const way = dice.chance(0.25) ? dice.one(WAYS) : 'plain'
  return mutated === 'request' && way.startsWith('http2') ? 'slow hooks' : way
}

/** Random choices that a seed determines. */
export class Dice {
  readonly #random: () => number

  constructor (seed: number) {
    this.#random = seededRandom(seed)
  }

  /** A whole number from 0, below `bound`. */
  below (bound: number): number {
    return Math.floor(this.#random() * bound)
  }

  one<T> (list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  chance (of: number): boolean {
    return this.#random() < of
  }
}

const HOST = 'Host: gateway.test\r\n'
let serial = 0

/** A valid request with a unique path. */
export function validRequest (dice: Dice, { head = true } = {}): { text: string, head: boolean } {
  const path = `/f/${++serial}`
  const extra = dice.chance(0.4) ? dice.one(['Accept: */*\r\n', 'Connection: keep-alive, x-a\r\nx-a: 1\r\n', 'Cookie: a=b; c=d\r\n', 'Via: 1.1 other\r\n', 'Content-Type: text/plain\r\n', 'TE: trailers\r\n']) : ''
  const [kind, body] = [dice.below(head ? 9 : 8), 'hello world'.slice(0, 1 + dice.below(11))]
  const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  switch (kind) {
    case 0: case 1: return { text: `GET ${path}?a=b HTTP/1.1\r\n${HOST}${extra}\r\n`, head: false }
    case 2: case 3: return { text: `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n${extra}\r\n${body}`, head: false }
    case 4: case 5: return { text: `POST ${path} HTTP/1.1\r\n${HOST}${extra}Transfer-Encoding: chunked\r\n\r\n${chunks}`, head: false }
    case 6: return { text: `GET ${path} HTTP/1.0\r\n${HOST}${extra}\r\n`, head: false }
    case 7: return { text: `PUT ${path} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n${extra}\r\n5;a=b\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n`, head: false }
    default: return { text: `HEAD ${path} HTTP/1.1\r\n${HOST}${extra}\r\n`, head: true }
  }
}

/** A valid response. `ends`: its body ends with the connection. */
export function validResponse (dice: Dice): { text: string, ends: boolean } {
  const body = 'hello world'.slice(0, 1 + dice.below(11))
  const extra = dice.chance(0.4) ? dice.one(['Content-Type: text/plain\r\n', 'Connection: close\r\n', 'Keep-Alive: timeout=5, max=2\r\n', 'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n', 'Trailer: x-a\r\n', 'Upgrade: h2c\r\n']) : ''
  const interim = dice.chance(0.1) ? dice.one(['HTTP/1.1 102 Processing\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n']) : ''
  switch (dice.below(7)) {
    case 0: case 1: return { text: `${interim}HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${extra}\r\n${body}`, ends: false }
    case 2: case 3: return { text: `${interim}HTTP/1.1 200 OK\r\n${extra}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`, ends: false }
    case 4: return { text: `HTTP/1.1 ${dice.one(['204 No Content', '304 Not Modified'])}\r\n${extra}\r\n`, ends: false }
    case 5: return { text: `HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n${extra}\r\n`, ends: false }
    default: return { text: `HTTP/1.0 200 OK\r\n${extra}\r\n${body}`, ends: true }
  }
}
