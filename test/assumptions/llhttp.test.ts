// What src/wire/http1/llhttp.ts relies on in undici's build of llhttp, and what the parser checks because llhttp does not. The tests ask
// both builds, with SIMD and without, and use no Holdfast code.
import { readFileSync } from 'node:fs'
import t from 'tap'
import plainBuild from 'undici/lib/llhttp/llhttp-wasm.js'
import simdBuild from 'undici/lib/llhttp/llhttp_simd-wasm.js'
import { Llhttp } from '../../src/wire/http1/llhttp.js'

const RESPONSE = 2
const INPUT = 65_536
const OK = 0
const PAUSED = 21
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const LINE = 'HTTP/1.1 200 OK\r\n'

type Exports = Record<'malloc' | 'llhttp_alloc' | 'llhttp_free' | 'llhttp_reset' | 'llhttp_resume' | 'llhttp_execute' | 'llhttp_get_error_pos' | 'llhttp_get_error_reason' | 'llhttp_get_http_major' | 'llhttp_get_http_minor' | 'llhttp_message_needs_eof', (...values: number[]) => number> & { memory: { buffer: ArrayBuffer } }

interface Run { readonly code: number, readonly taken: number, readonly reason: string, readonly needsEnd: boolean, readonly told: readonly string[] }

/** A parser of a build. It pauses after each head and each message, as in the module. */
class Build {
  readonly exports: Exports
  readonly parser: number
  readonly #input: number
  #told: string[] = []
  /** The return value of events that report positions. */
  answer = 0

  constructor (bytes: Buffer) {
    const span = (name: string) => (_parser: number, at: number, length: number): number => {
      this.#told.push(`${name} ${this.#text(at, length)}`)
      return this.answer
    }
    const env = {
      wasm_on_url: () => 0,
      wasm_on_message_begin: () => { this.#told.push('begin'); return 0 },
      wasm_on_status: span('status'),
      wasm_on_header_field: span('name'),
      wasm_on_header_value: span('value'),
      wasm_on_headers_complete: (_parser: number, status: number) => { this.#told.push(`head ${status}`); return PAUSED },
      wasm_on_body: span('body'),
      wasm_on_message_complete: () => { this.#told.push('complete'); return PAUSED }
    }
    this.exports = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env }).exports as Exports
    this.parser = this.exports.llhttp_alloc(RESPONSE)
    this.#input = this.exports.malloc(INPUT)
  }

  run (text: string): Run {
    const { exports, parser } = this
    this.#told = []
    Buffer.from(exports.memory.buffer, this.#input, INPUT).write(text, 'latin1')
    const code = exports.llhttp_execute(parser, this.#input, text.length)
    const taken = code === OK ? text.length : exports.llhttp_get_error_pos(parser) - this.#input
    const reason = code === OK ? '' : this.#text(exports.llhttp_get_error_reason(parser), 80).split('\0')[0]!
    return { code, taken, reason, needsEnd: exports.llhttp_message_needs_eof(parser) === 1, told: this.#told }
  }

  /** The events of a new parser. */
  first (text: string): Run {
    this.exports.llhttp_reset(this.parser)
    return this.run(text)
  }

  /** The body of chunks. */
  chunks (text: string): Run {
    this.first(CHUNKED)
    this.exports.llhttp_resume(this.parser)
    return this.run(text)
  }

  #text (at: number, length: number): string {
    return Buffer.from(this.exports.memory.buffer, at, length).toString('latin1')
  }
}

for (const [name, bytes] of [['plain', plainBuild], ['simd', simdBuild]] as const) {
  const build = new Build(bytes)
  const accepts = (text: string): boolean => build.first(text).code === PAUSED

  t.test(`${name}: a head is reported in order, each name with a value, and the parser pauses at its end`, async t => {
    const head = 'HTTP/1.1 200 Fine enough\r\nA: b\r\nEmpty:\r\nBlank: \t \r\nBehind: c \t\r\n\r\n'
    const run = build.first(`${head}body`)
    // An empty value is reported too, and blanks after a value are part of it.
    t.strictSame(run.told, ['begin', 'status Fine enough', 'name A', 'value b', 'name Empty', 'value ', 'name Blank', 'value ', 'name Behind', 'value c \t', 'head 200'])
    t.match(run, { code: PAUSED, taken: head.length, needsEnd: true })
    t.strictSame(build.first('HTTP/1.1 200\r\n\r\n').told, ['begin', 'head 200'], 'no reason')
    t.strictSame(build.first('\r\n\n\r\nHTTP/1.1 200 \r\n\r\n').told, ['begin', 'status ', 'head 200'], 'blank lines in front are told of by nothing')
  })

  t.test(`${name}: a span ends with its input and continues in the next, even with no byte`, async t => {
    t.strictSame(build.first('HTTP/1.1 200 O').told, ['begin', 'status O'])
    t.strictSame(build.run('K\r\nNa').told, ['status K', 'name Na'])
    t.strictSame(build.run('me').told, ['name me'])
    t.strictSame(build.run(':').told, ['name '])
    t.strictSame(build.run(' ').told, [])
    t.strictSame(build.run('\r').told, [])
    t.strictSame(build.run('\nOther').told, ['value ', 'name Other'])
    t.strictSame(build.run(':\r\n').told, ['name '])
    t.strictSame(build.run('Third: v').told, ['value ', 'name Third', 'value v'])
    t.strictSame(build.run(' ').told, ['value  '])
    const last = build.run('\r\n\r\nx')
    t.strictSame(last.told, ['value ', 'head 200'])
    t.equal(last.taken, 4)
  })

  t.test(`${name}: chunks are read after the head is resumed, and the parser pauses at their end`, async t => {
    const run = build.chunks('3;a=b\r\nabc\r\n02\r\nde\r\n0\r\nX-A: b\r\nX-B:\r\n\r\nbehind')
    t.strictSame(run.told, ['body abc', 'body de', 'name X-A', 'value b', 'name X-B', 'value ', 'complete'])
    t.match(run, { code: PAUSED, taken: 39 })
    t.strictSame(build.chunks('5\r\nab').told, ['body ab'])
    t.strictSame(build.run('cde\r\n').told, ['body cde'])
    t.match(build.run('0\r\n\r\n'), { code: PAUSED, taken: 5, told: ['complete'] })
    for (const wrong of ['5 \r\n', ' 5\r\n', '+5\r\n', '0x5\r\n', '\r\n', '5\n', '5\r\r', '5;\x01\r\n', '3\r\nabcd', '3\r\nabc\n0', '3\r\nabc\r\r', '0\r\n\r\r', '0\r\nA: b\nC: d\r\n\r\n', '0\r\nA: b\r\r', '0\r\n A: b\r\n', 'fffffffffffffffff\r\n']) {
      t.not(build.chunks(wrong).reason, '', JSON.stringify(wrong))
    }
  })

  t.test(`${name}: the end of a body is reported where its length or chunks end, and nowhere else`, async t => {
    t.equal(build.first(CHUNKED).needsEnd, false)
    t.equal(build.first(`${LINE}Content-Length: 5\r\n\r\n`).needsEnd, false)
    t.equal(build.first(`${LINE}\r\n`).needsEnd, true)
    t.equal(build.first(`${LINE}Transfer-Encoding: gzip\r\n\r\n`).needsEnd, true)
    // So our parser checks the coding itself.
    t.equal(build.first(`${LINE}Transfer-Encoding: chunked\t\r\n\r\n`).needsEnd, true, 'a tab is part of the coding')
    t.equal(build.first(`${LINE}Transfer-Encoding: chunked \r\n\r\n`).needsEnd, false)
    t.equal(build.first(`${LINE}Transfer-Encoding: chunked\xa0\r\n\r\n`).needsEnd, true)
  })

  t.test(`${name}: an ambiguous head is refused`, async t => {
    for (const lines of [
      'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', 'Content-Length: 5\r\nContent-Length: 5\r\n', 'Content-Length: 5, 5\r\n', 'Content-Length: +5\r\n',
      'Content-Length: 5\t\r\n', 'Content-Length:\r\n', 'Content-Length: 18446744073709551616\r\n', 'A : b\r\n', 'A: b\r\n c\r\n', ' A: b\r\n', 'A: b\nC: d\r\n', 'A: b\rC: d\r\n', 'A: b\r\rC: d\r\n', 'A: \x00\r\n', 'A: \x7f\r\n', 'A\xff: b\r\n', ': b\r\n', 'A\r\n'
    ]) t.not(build.first(`${LINE}${lines}\r\n`).code, PAUSED, JSON.stringify(lines))
    for (const line of ['HTTP/1.1 20 OK', 'HTTP/1.1 2000 OK', 'HTTP/1.2 200 OK', 'http/1.1 200 OK', 'HTTP/1.1  200 OK', 'HTTP/1.1\t200 OK', 'HTTP/01.1 200 OK', ' HTTP/1.1 200 OK']) t.not(build.first(`${line}\r\n\r\n`).code, PAUSED, line)
    t.not(build.first('HTTP/1.1 200 OK\n\r\n').code, PAUSED, 'a bare LF behind the status line')
    t.not(build.first(`${LINE}\r\r`).code, PAUSED)
    t.not(build.first(`${LINE}\n`).code, PAUSED)
  })

  t.test(`${name}: llhttp accepts what our parser refuses`, async t => {
    for (const version of ['HTTP/2.0', 'HTTP/0.9', 'RTSP/1.0', 'ICE/1.0']) t.ok(accepts(`${version} 200 OK\r\n\r\n`), version)
    t.ok(accepts('HTTP/1.1 200 OK\r\rA: b\r\n\r\n'), 'two CRs behind a reason')
    t.ok(accepts('HTTP/1.1 200\r\rA: b\r\n\r\n'), 'two CRs behind a status')
    t.ok(accepts('HTTP/1.1 000 OK\r\n\r\n'))
    t.ok(accepts('HTTP/1.1 999 OK\r\n\r\n'))
    t.ok(accepts('HTTP/1.1 200 O\x01K\r\n\r\n'))
    t.ok(accepts(`${LINE}Transfer-Encoding: chunked, chunked\r\n\r\n`))
    t.ok(accepts(`${LINE}${'A: b\r\n'.repeat(5_000)}\r\n`), 'any number of lines')
    t.equal(build.first('\r\n'.repeat(30_000)).code, OK, 'any number of blank lines')
    t.equal(build.chunks(`5;${'a'.repeat(60_000)}`).code, OK, 'an extension of any length')
  })

  t.test(`${name}: version and status are those of the last head`, async t => {
    for (const [line, major, minor] of [['HTTP/1.0 200 OK', 1, 0], ['HTTP/1.1 200 OK', 1, 1], ['HTTP/2.0 200 OK', 2, 0]] as const) {
      build.first(`${line}\r\n\r\n`)
      t.strictSame([build.exports.llhttp_get_http_major(build.parser), build.exports.llhttp_get_http_minor(build.parser)], [major, minor])
    }
  })

  t.test(`${name}: after an interim head that says close nothing is read until the parser is reset`, async t => {
    t.equal(build.first('HTTP/1.1 103 Early\r\nConnection: close\r\n\r\n').code, PAUSED)
    build.exports.llhttp_resume(build.parser)
    build.run(LINE)
    build.exports.llhttp_resume(build.parser)
    t.not(build.run(`${LINE}\r\n`).reason, '')
    t.match(build.first(`${LINE}\r\n`), { code: PAUSED, told: ['begin', 'status OK', 'head 200'] })
  })

  t.test(`${name}: a reset parser behaves like a new one, whether it was paused, failed or stopped by an event`, async t => {
    const fine = `${LINE}A: b\r\n\r\n`
    const wanted = build.first(fine)
    for (const text of ['HT', `${LINE}A: b`, `${LINE}A: b\r\n\r\n`, 'nothing', `${LINE}Content-Length: 9\r\n`, CHUNKED, 'HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n']) {
      build.first(text)
      t.strictSame(build.first(fine), wanted, JSON.stringify(text))
    }
    build.chunks('5\r\nab')
    t.strictSame(build.first(fine), wanted, 'within a chunk')
    build.answer = -1
    t.match(build.first(fine), { told: ['begin', 'status OK'] }, 'an event stops it')
    build.answer = 0
    t.strictSame(build.first(fine), wanted)
  })

  t.test(`${name}: the parser stops after a head that switches protocols`, async t => {
    const head = 'HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\n'
    t.match(build.first(`${head}\x16\x03`), { code: PAUSED, taken: head.length })
  })

  t.test(`${name}: freed parsers are allocated again, and memory does not grow`, async t => {
    const { exports } = build
    const take = (): number[] => Array.from({ length: 1_000 }, () => exports.llhttp_alloc(RESPONSE))
    for (const parser of take()) exports.llhttp_free(parser)
    const { byteLength } = exports.memory.buffer
    for (let i = 0; i < 20; i++) for (const parser of take()) exports.llhttp_free(parser)
    t.equal(exports.memory.buffer.byteLength, byteLength)
  })
}

t.test('the module still reads after the memory of the build has grown', async t => {
  const told: string[] = []
  const bytes = Buffer.from(`x${LINE}A: b\r\n\r\nbody`)
  const events = {
    onStatus: (start: number, end: number) => { told.push(bytes.toString('latin1', start, end)); return 0 },
    onHeaderField: (start: number, end: number) => { told.push(bytes.toString('latin1', start, end)); return 0 },
    onHeaderValue: (start: number, end: number) => { told.push(bytes.toString('latin1', start, end)); return 0 },
    onBody: () => 0,
    onHeadersComplete: (status: number) => { told.push(String(status)) },
    onMessageComplete: () => {}
  }
  // Parsers take some MB.
  const many = Array.from({ length: 50_000 }, () => new Llhttp())
  for (const parser of [many[0]!, many.at(-1)!]) {
    told.length = 0
    t.match(parser.execute(events, bytes, 1, bytes.length), { taken: bytes.length - 5, error: undefined })
    t.strictSame(told, ['OK', 'A', 'b', '200'], 'places are those in the bytes that were given')
    t.match([parser.major, parser.minor, parser.needsEnd], [1, 1, true])
  }
  for (const parser of many) parser.free()
})

t.test('undici is pinned to a minor version, since it does not promise its build of llhttp', async t => {
  const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { dependencies: { undici: string } }
  t.match(dependencies.undici, /^~7\.\d+\.\d+$/)
})
