import t from 'tap'
import type { Test } from 'tap'
import type { ResponseHead } from '../../src/http/response-head.js'
import { ResponseParser } from '../../src/wire/http1/response-parser.js'
import type { ResponseReceiver, ResponseTerms } from '../../src/wire/http1/response-parser.js'

const TERMS: ResponseTerms = { method: 'GET', upgrade: false, maxHeaderSize: 16_384, maxResponseSize: -1 }
const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`
const FINE = `${OK}Content-Length: 2\r\nX-A: b\r\n\r\nhi`
const FINE_TOLD = ['responded 200 OK Content-Length,2,X-A,b', 'data hi', 'ended ']
/** Every call of a receiver, in order. */
const ALL = 'HTTP/1.1 103 Early\r\nLink: a\r\n\r\n' + CHUNKED + '2\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: u\r\n\r\n'
const ALL_TOLD = ['informed 103 Link,a', 'responded 200 OK Transfer-Encoding,chunked', 'data he', 'data llo', 'ended X-T,u']

type Hook = (call: string, parser: ResponseParser) => void

/** Records its calls, and reacts to them. */
class Noting implements ResponseReceiver {
  readonly told: string[] = []
  readonly parser: ResponseParser
  readonly #hook: Hook

  constructor (terms: Partial<ResponseTerms> = {}, hook: Hook = () => {}) {
    this.#hook = hook
    this.parser = ResponseParser.take(this, { ...TERMS, ...terms })
  }

  informed (status: number, lines: string[]): void { this.#note(`informed ${status} ${lines.join()}`) }
  responded (status: number, head: ResponseHead, reason: string): void { this.#note(`responded ${status} ${reason} ${head.lines.join()}`) }
  data (chunk: Buffer): void { this.#note(`data ${chunk.toString('latin1')}`) }
  ended (trailers: string[]): void { this.#note(`ended ${trailers.join()}`) }
  upgraded (status: number, head: ResponseHead): void { this.#note(`upgraded ${status} ${head.lines.join()}`) }

  #note (call: string): void {
    this.told.push(call)
    this.#hook(call, this.parser)
  }

  read (...pieces: string[]): this {
    for (const piece of pieces) if (!this.parser.over) this.parser.execute(Buffer.from(piece, 'latin1'), piece.length)
    return this
  }

  finish (): this {
    this.parser.finish()
    return this
  }

  release (): void {
    this.parser.release()
  }
}

/** The calls for a response that comes in one piece. */
function kindOf (text: string, terms: Partial<ResponseTerms> = {}): string | undefined {
  const reading = new Noting(terms).read(text)
  const kind = reading.parser.failure?.kind ?? (reading.parser.over ? undefined : 'waits')
  reading.release()
  return kind
}

/** Holds that the calls are the same however the response is split: in one piece, at some places, and byte by byte if it is short. */
function sameKind (t: Test, text: string, wanted: string | undefined, name: string, terms: Partial<ResponseTerms> = {}): void {
  t.equal(kindOf(text, terms), wanted, name)
  const step = Math.max(1, Math.floor(text.length / 97))
  const tails = [1, 2, 3, 4, 5, 6].map(behind => text.length - behind)
  for (const at of [...Array.from({ length: Math.floor((text.length - 1) / step) }, (_, i) => 1 + i * step), ...tails]) {
    const reading = new Noting(terms).read(text.slice(0, at), text.slice(at))
    const kind = reading.parser.failure?.kind ?? (reading.parser.over ? undefined : 'waits')
    reading.release()
    if (kind !== wanted) t.fail(`${name}: split at ${at}: ${kind}`)
  }
  const bytes = new Noting(terms).read(...text)
  t.equal(bytes.parser.failure?.kind ?? (bytes.parser.over ? undefined : 'waits'), wanted, `${name}, byte by byte`)
  bytes.release()
}

function isClean (t: Test): void {
  const next = new Noting().read(FINE)
  t.strictSame(next.told, FINE_TOLD, 'the next parser reads as it should')
  t.match(next.parser, { over: true, failure: undefined, rest: 0, spent: false, bodySize: 2 })
  next.release()
}

t.test('a receiver that stops the parser in a call gets no further call', async t => {
  for (const [i, call] of ALL_TOLD.entries()) {
    const reading = new Noting({}, (told, parser) => { if (told === call) parser.stop() }).read(ALL)
    t.strictSame(reading.told, ALL_TOLD.slice(0, i + 1), call)
    t.match(reading.parser, { over: true, failure: undefined })
    reading.read(FINE).finish()
    t.equal(reading.told.length, i + 1, 'nor by what comes behind, or by a FIN')
    t.equal(reading.parser.failure, undefined)
    reading.release()
    isClean(t)
  }
  for (const call of FINE_TOLD) {
    const reading = new Noting({}, (told, parser) => { if (told === call) parser.stop() }).read(FINE)
    t.equal(reading.told.at(-1), call)
    reading.release()
  }
  const switching = new Noting({ upgrade: true }, (_, parser) => parser.stop()).read('HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\nraw')
  t.strictSame(switching.told, ['upgraded 101 Upgrade,x'])
  t.equal(switching.parser.rest, 3)
  switching.release()
})

t.test('a 101 has the header Upgrade, and not merely a header with that value', async t => {
  const terms = { upgrade: true }
  sameKind(t, 'HTTP/1.1 101 S\r\nConnection: upgrade\r\n\r\n', 'invalid', 'it names no protocol', terms)
  sameKind(t, 'HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n', undefined, 'it names one', terms)
})

t.test('an error that a receiver throws is rethrown, ends the parser, and does not affect the next one', async t => {
  const cases: ReadonlyArray<[text: string, told: readonly string[], terms: Partial<ResponseTerms>]> = [
    [ALL, ALL_TOLD, {}],
    [FINE, FINE_TOLD, {}],
    [`${OK}Content-Length: 0\r\n\r\n`, ['responded 200 OK Content-Length,0', 'ended '], {}],
    ['HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\nraw', ['upgraded 101 Upgrade,x'], { upgrade: true }],
    ['HTTP/1.1 200 OK\r\n\r\nraw', ['upgraded 200 '], { method: 'CONNECT' }]
  ]
  for (const [text, calls, terms] of cases) {
    for (const [i, call] of calls.entries()) {
      const error = new Error(call)
      const reading = new Noting(terms, told => { if (told === call) throw error })
      t.throws(() => reading.read(text), error)
      t.equal(reading.told.length, i + 1)
      t.match(reading.parser, { over: true, failure: undefined })
      reading.read(FINE).finish()
      t.equal(reading.told.length, i + 1, 'it is told nothing more')
      reading.release()
      isClean(t)
    }
  }
  const untilEnd = new Noting({}, told => { if (told === 'ended ') throw new Error('at its end') }).read(`${OK}\r\nbody`)
  t.throws(() => untilEnd.finish(), { message: 'at its end' })
  t.equal(untilEnd.parser.over, true)
  untilEnd.release()
  isClean(t)
})

t.test('a receiver may run another parser in each call', async t => {
  let inner = 0
  const outer = new Noting({}, () => {
    inner++
    const reading = new Noting().read(ALL.slice(0, 20 * inner), ALL.slice(20 * inner))
    t.strictSame(reading.told, ALL_TOLD)
    reading.release()
  }).read(ALL.slice(0, 60), ALL.slice(60))
  t.strictSame(outer.told, ALL_TOLD)
  t.equal(inner, ALL_TOLD.length)
  outer.release()
})

t.test('parsers that read in turns do not affect each other', async t => {
  const readings = Array.from({ length: 8 }, () => new Noting())
  for (let at = 0; at < ALL.length; at++) for (const reading of readings) reading.read(ALL[at]!)
  for (const { told } of readings) t.same(told.join('').replaceAll('data ', ''), ALL_TOLD.join('').replaceAll('data ', ''))
  for (const reading of readings) reading.release()
})

t.test('a parser is released once, in any state, and behaves like a new one when it is taken again', async t => {
  for (const texts of [[], ['HT'], [`${OK}X-`], [`${OK}Content-Length: 5\r\n\r\nab`], [`${CHUNKED}5\r\nab`], [`${CHUNKED}0\r\nX-A`], [`${OK}\r\nbody`], ['no'], ['HTTP/1.1 103 E\r\n\r\n'], [`${'HTTP/1.1 103 E\r\n\r\n'.repeat(128)}`], ['HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nrest']]) {
    const reading = new Noting().read(...texts)
    reading.release()
    reading.release()
    const told = reading.told.length
    const one = new Noting()
    const other = new Noting()
    t.not(one.parser, other.parser, 'released twice, it is free once')
    t.match(one.parser, { started: false, over: false, failure: undefined, rest: 0, spent: false, bodySize: 0 })
    one.read(FINE)
    other.read(ALL)
    t.strictSame([one.told, other.told], [FINE_TOLD, ALL_TOLD])
    one.release()
    other.release()
    t.equal(reading.told.length, told, 'and its old receiver is told nothing')
  }
})

t.test('the bytes of names, values and reason of a head stay below the limit', async t => {
  const size = (extra: number): string => `HTTP/1.1 200 abc\r\nX-AB: ${'v'.repeat(200 - 7 + extra)}\r\nContent-Length: 0\r\n\r\n`
  // Content-Length: 0 has 15 bytes.
  for (const [extra, wanted] of [[-16, undefined], [-15, 'head-too-large'], [0, 'head-too-large']] as const) sameKind(t, size(extra), wanted, `${extra} bytes`, { maxHeaderSize: 200 })
  sameKind(t, `HTTP/1.1 200 ${'r'.repeat(199)}\r\n\r\n`, 'waits', 'a reason', { maxHeaderSize: 200 })
  sameKind(t, `HTTP/1.1 200 ${'r'.repeat(200)}\r\n\r\n`, 'head-too-large', 'a long reason', { maxHeaderSize: 200 })
  sameKind(t, `${OK}${'n'.repeat(210)}: a\r\n\r\n`, 'head-too-large', 'a long name', { maxHeaderSize: 200 })
  sameKind(t, `HTTP/1.1 103 E\r\nX-A: ${'v'.repeat(150)}\r\n\r\n${OK}X-A: ${'v'.repeat(150)}\r\nContent-Length: 0\r\n\r\n`, undefined, 'each head by itself', { maxHeaderSize: 200 })
})

t.test('bytes of a head besides names and values have an exact limit, however they are split', async t => {
  const around = (before: number, between: number, last = 'Content-Length: 0\r\n'): string => `${'\r\n'.repeat(before / 2)}HTTP/1.1 200 OK\r\nX-A:${' '.repeat(between)}v\r\n${last}\r\n`
  // In a head without blanks: its length without the reason, names and values.
  const idle = around(0, 0).length - 2 - 'X-Av'.length - 'Content-Length0'.length
  for (const [text, name] of [[(n: number) => around(0, n), 'white space'], [(n: number) => around(n, 0), 'blank lines']] as const) {
    sameKind(t, text(200 - idle - idle % 2), undefined, `${name}, few`, { maxHeaderSize: 200 })
    sameKind(t, text(200 - idle - idle % 2 + 2), 'head-too-large', `${name}, many`, { maxHeaderSize: 200 })
  }
  // The empty line reaches the bound exactly.
  const bare = (blanks: number): string => `${'\r'.repeat(blanks)}HTTP/1.1 204\r\n\r\n`
  sameKind(t, bare(184), undefined, 'no line at all', { maxHeaderSize: 200 })
  sameKind(t, bare(185), 'head-too-large', 'no line at all, and a blank more', { maxHeaderSize: 200 })
  sameKind(t, `HTTP/1.1 103 E\r\n\r\n${'\r\n'.repeat(60)}HTTP/1.1 103 E\r\n\r\n${'\r\n'.repeat(60)}HTTP/1.1 204 N\r\n\r\n`, undefined, 'each head by itself', { maxHeaderSize: 200 })
})

t.test('the framing of chunks has a limit between pieces of body and after the last, however it is split', async t => {
  const extension = (n: number): string => `${CHUNKED}1;${'a'.repeat(n)}\r\nx\r\n0\r\n\r\n`
  sameKind(t, extension(196), undefined, 'an extension', { maxHeaderSize: 200 })
  sameKind(t, extension(197), 'head-too-large', 'a long extension', { maxHeaderSize: 200 })
  // After the last piece: CRLF, 0;, the extension, CRLF, CRLF.
  const last = (n: number): string => `${CHUNKED}1\r\nx\r\n0;${'a'.repeat(n)}\r\n\r\n`
  sameKind(t, last(192), undefined, 'the last extension', { maxHeaderSize: 200 })
  sameKind(t, last(193), 'head-too-large', 'a long last extension', { maxHeaderSize: 200 })
  sameKind(t, `${CHUNKED}${`1;${'a'.repeat(150)}\r\nx\r\n`.repeat(20)}0\r\n\r\n`, undefined, 'each piece by itself', { maxHeaderSize: 200 })
  sameKind(t, `${CHUNKED}0\r\nX-T: ${'a'.repeat(196)}\r\n\r\n`, undefined, 'trailers', { maxHeaderSize: 200 })
  sameKind(t, `${CHUNKED}0\r\nX-T: ${'a'.repeat(197)}\r\n\r\n`, 'head-too-large', 'long trailers', { maxHeaderSize: 200 })
  sameKind(t, `${CHUNKED}0\r\nX-T:${' '.repeat(250)}a\r\n\r\n`, 'head-too-large', 'white space in trailers', { maxHeaderSize: 200 })
})

t.test('a head has 1 000 lines at most, and so have trailers', async t => {
  const terms = { maxHeaderSize: 65_536 }
  for (const [count, wanted] of [[1_000, undefined], [1_001, 'head-too-large']] as const) {
    sameKind(t, `${OK}${'a: b\r\n'.repeat(count - 1)}Content-Length: 0\r\n\r\n`, wanted, `${count} lines`, terms)
    sameKind(t, `${CHUNKED}0\r\n${'a:\r\n'.repeat(count)}\r\n`, wanted, `${count} trailers`, terms)
  }
})

t.test('a body above the limit is refused at its declared length, or when its bytes exceed the limit', async t => {
  const refused = (text: string, terms: Partial<ResponseTerms>): { told: string[], kind: string | undefined, bodySize: number } => {
    const reading = new Noting({ maxResponseSize: 4, ...terms }).read(text)
    const { failure, bodySize } = reading.parser
    reading.release()
    return { told: reading.told, kind: failure?.kind, bodySize }
  }
  t.match(refused(`${OK}Content-Length: 5\r\n\r\nhello`, {}), { told: [], kind: 'too-large' })
  t.match(refused(`${OK}Content-Length: 4\r\n\r\nhell`, {}), { told: [/^responded/, 'data hell', 'ended '], kind: undefined })
  t.match(refused(`${OK}Content-Length: 5\r\n\r\n`, { method: 'HEAD' }), { told: [/^responded/, 'ended '], kind: undefined })
  t.match(refused('HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n', {}), { told: [/^responded/, 'ended '], kind: undefined })
  t.match(refused(`${CHUNKED}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`, {}), { told: [/^responded/, 'data he'], kind: 'too-large' })
  t.match(refused(`${CHUNKED}2\r\nhe\r\n2\r\nll\r\n0\r\n\r\n`, {}), { told: [/^responded/, 'data he', 'data ll', 'ended '], kind: undefined, bodySize: 4 })
  t.match(refused(`${OK}\r\nhello`, {}), { kind: 'too-large' })
  t.match(refused(`${CHUNKED}1\r\nx\r\n0\r\n\r\n`, { maxResponseSize: 0 }), { kind: 'too-large' })
  t.match(refused(`${OK}Content-Length: 999999999999999\r\n\r\n`, { maxResponseSize: -1 }), { kind: undefined })
  t.match(refused(`${OK}Content-Length: 1000000000000000\r\n\r\n`, { maxResponseSize: -1 }), { kind: 'invalid' })
})

t.test('data before a refusal in the same piece is reported', async t => {
  for (const [behind, kind] of [['x\r\n', 'invalid'], [`1;${'a'.repeat(300)}\r\nx`, 'head-too-large'], [`0\r\n${'n'.repeat(300)}`, 'head-too-large']] as const) {
    const reading = new Noting({ maxHeaderSize: 200 }).read(`${CHUNKED}2\r\nhe\r\n3\r\nllo\r\n${behind}`)
    t.strictSame(reading.told.slice(1), ['data he', 'data llo'])
    t.equal(reading.parser.failure?.kind, kind)
    t.equal(reading.parser.rest, 0)
    reading.release()
  }
})

t.test('the bytes after a response are counted, in the last read only', async t => {
  for (const text of [FINE, ALL, `${OK}Content-Length: 0\r\n\r\n`, 'HTTP/1.1 204 N\r\n\r\n']) {
    for (const at of [1, text.length - 1, text.length]) {
      const reading = new Noting().read(text.slice(0, at))
      if (at < text.length) {
        t.equal(reading.parser.rest, 0)
        reading.read(`${text.slice(at)}behind`)
        t.equal(reading.parser.rest, 6)
      } else {
        t.match(reading.parser, { over: true, rest: 0 })
      }
      reading.release()
    }
  }
  const head = new Noting({ method: 'HEAD' }).read(`${CHUNKED}5\r\nhello\r\n0\r\n\r\n`)
  t.match(head.parser, { over: true, rest: 15 }, 'a body behind the answer to a HEAD')
  head.release()
  const tunnel = new Noting({ method: 'CONNECT' }).read(`${CHUNKED}raw`)
  t.match(tunnel.parser, { over: true, rest: 3 })
  tunnel.release()
})

t.test('trailers that name Connection, and a transfer coding in HTTP/1.0, end the connection', async t => {
  for (const [text, spent] of [
    [`${CHUNKED}0\r\nX-A: b\r\n\r\n`, false], [`${CHUNKED}0\r\nConnection: keep-alive\r\n\r\n`, true], [`${CHUNKED}0\r\nTRANSFER-encoding: chunked\r\n\r\n`, true],
    ['HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', true], [FINE, false]
  ] as const) {
    const reading = new Noting().read(text)
    t.equal(reading.parser.spent, spent, JSON.stringify(text.slice(-40)))
    reading.release()
  }
})

t.test('a response starts with its first byte that is not a blank line', async t => {
  for (const [text, started] of [['', false], ['\r', false], ['\r\n\n\r\n', false], ['H', true], ['\r\nH', true], ['x', true], ['\0', true]] as const) {
    const reading = new Noting().read(text)
    t.equal(reading.parser.started, started, JSON.stringify(text))
    reading.finish()
    t.ok(reading.parser.failure)
    reading.release()
  }
})

t.test('a read may be larger than llhttp takes at once, wherever it is divided', async t => {
  const body = 'abcdefghij'.repeat(20_000)
  const chunks = body.match(/[^]{1,9973}/g)!.map(piece => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')
  for (const text of [`${OK}Content-Length: ${body.length}\r\n\r\n${body}`, `${CHUNKED}${chunks}0\r\nX-T: u\r\n\r\n`, `${CHUNKED}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`, `${OK}\r\n${body}`]) {
    const reading = new Noting().read(`${text}`)
    if (!reading.parser.over) reading.finish()
    t.equal(reading.told.filter(call => call.startsWith('data ')).map(call => call.slice(5)).join(''), body)
    t.match(reading.parser, { over: true, failure: undefined, bodySize: body.length, rest: 0 })
    reading.release()
  }
  const value = 'v'.repeat(5_000)
  const large = new Noting().read(`${'HTTP/1.1 103 E\r\n\r\n'.repeat(100)}${OK}X-A: ${value}\r\nContent-Length: 0\r\nX-B: ${value}\r\n\r\n`)
  t.equal(large.told.at(-2), `responded 200 OK X-A,${value},Content-Length,0,X-B,${value}`)
  large.release()
})

t.test('bytes of the buffer beyond the length of a read are not read', async t => {
  const bytes = Buffer.from(`${FINE}behind`)
  const reading = new Noting()
  reading.parser.execute(bytes, FINE.length - 1)
  t.strictSame(reading.told, [FINE_TOLD[0], 'data h'])
  t.equal(reading.parser.over, false)
  reading.release()
})

t.test('a response is the same in any three pieces', async t => {
  const text = 'HTTP/1.1 103 E\r\nA:\r\n\r\nHTTP/1.1 200 O K\r\nN:\r\nNa: \t\r\nT: v w \t\r\nTransfer-Encoding: chunked \r\n\r\n2;a\r\nhi\r\n0\r\nT:\r\nTU: x \r\n\r\n'
  const joined = ({ told }: Noting): string => told.join('\n').replaceAll(/\ndata /g, '')
  const whole = new Noting().read(text)
  t.strictSame(whole.told, ['informed 103 A,', 'responded 200 O K N,,Na,,T,v w,Transfer-Encoding,chunked', 'data hi', 'ended T,,TU,x'])
  let splits = 0
  for (let first = 1; first < text.length - 1; first++) {
    for (let second = first + 1; second < text.length; second++) {
      const split = new Noting().read(text.slice(0, first), text.slice(first, second), text.slice(second))
      if (joined(split) !== joined(whole)) t.fail(`${first}, ${second}: ${JSON.stringify(split.told)}, ${split.parser.failure?.reason}`)
      split.release()
      splits++
    }
  }
  whole.release()
  t.equal(splits, (text.length - 1) * (text.length - 2) / 2)
})

t.test('parsers that are taken and released leave nothing in memory', async t => {
  const many = (): void => {
    const readings = Array.from({ length: 1_000 }, () => new Noting())
    for (const reading of readings) reading.read(FINE).release()
  }
  many()
  const { external } = process.memoryUsage()
  for (let i = 0; i < 20; i++) many()
  // `external` includes WebAssembly's memory, in pages of 64 KiB. 20 000 parsers would take some MB.
  t.ok(process.memoryUsage().external - external < 1_000_000, 'the memory of llhttp has not grown')
})
