import { ResponseHead } from '../../http/response-head.js'
import { HeaderLines } from './header-lines.js'
import { LARGEST_INPUT, Llhttp, NO_BODY, PAUSE, STOP } from './llhttp.js'
import type { LlhttpEvents } from './llhttp.js'

/** Where a response goes. Called from within `execute` and `finish`; of the parser, only `stop` may be called there. */
export interface ResponseReceiver {
  /** An interim response, but no 100, and no 101. `lines`: names and values in turn. */
  informed (status: number, lines: string[]): void
  responded (status: number, head: ResponseHead, reason: string): void
  /** A piece of the body, to keep. */
  data (chunk: Buffer): void
  /** The response is here whole. `trailers`: names and values in turn. */
  ended (trailers: string[]): void
  /** A 101 that was asked for, or a 2xx to CONNECT, in place of `responded` and `ended`. */
  upgraded (status: number, head: ResponseHead): void
}

/** What a response answers, and how much of it is taken. */
export interface ResponseTerms {
  /** Of the request. */
  readonly method: string
  /** Whether the request asked for another protocol. */
  readonly upgrade: boolean
  /** Of a head, in bytes: names, values and the reason together; and all the rest of it as much again. The trailers likewise. */
  readonly maxHeaderSize: number
  /** Of the body, in bytes; -1 for any. */
  readonly maxResponseSize: number
}

/** Why there is no response that is whole: it is no HTTP, more than is taken, or its connection ended too soon. `reason` is for people. */
export interface ResponseFailure { readonly kind: 'invalid' | 'head-too-large' | 'too-large' | 'cut-short', readonly reason: string }

// Go's client takes five. A backend that says 102 every half second until the default deadline needs 110.
const MOST_INTERIM = 128
// Of parsers that are not in use: their memory is in WebAssembly, which never shrinks.
const MOST_FREE = 256
const CR = 0x0d
const LF = 0x0a
const FIRST_LETTER = 0x48
const LETTER_O = 0x4f
const LETTER_K = 0x4b
// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\0-\x08\x0a-\x1f\x7f]/
// In bytes.
const MUCH = 32_768
const DIGITS = /^\d{1,15}$/
// Trailers that would say something of the connection, or of the message's end, behind both.
const MISPLACED = new Set(['connection', 'transfer-encoding', 'content-length'])

/** How the end of a body is told (RFC 9112 section 6.3): not known yet, by a length, by its last chunk, or by the connection's end. */
type Framing = 'unknown' | 'length' | 'chunks' | 'connection'

const NOTHING = Buffer.alloc(0)
const NOWHERE: ResponseReceiver = { informed () {}, responded () {}, data () {}, ended () {}, upgraded () {} }
const NO_TERMS: ResponseTerms = { method: '', upgrade: false, maxHeaderSize: 0, maxResponseSize: 0 }

const free: ResponseParser[] = []

/** Reads one response, with those that come before it. llhttp reads heads and chunks; what it lets pass and must not be is refused here. */
export class ResponseParser implements LlhttpEvents {
  readonly #llhttp = new Llhttp()
  readonly #header = new HeaderLines()
  #receiver = NOWHERE
  #terms = NO_TERMS
  /** What is read now, and where the run of llhttp in it ends. */
  #bytes: Buffer = NOTHING
  #isOwn = false
  #runEnd = 0
  /** What a chunked body's pieces of this run are parts of, and where it begins in `#bytes`. */
  #copy: Buffer | undefined
  #copyStart = 0
  #framing: Framing = 'unknown'
  /** Bytes of a counted body that have not come. */
  #left = 0
  #interim = 0
  #isInterim = false
  #isComplete = false
  #reason = ''
  /** Bytes since the last head, or piece of a body, and where that ended in `#bytes`. */
  #since = 0
  #mark = 0
  #thrown: { readonly cause: unknown } | undefined
  #over = false
  #started = false
  /** How far the status line of the message that is read now has come: behind blank lines in front, within its text, behind its CR, or all of it. */
  #line: 'blank' | 'text' | 'cr' | 'over' = 'blank'
  #spent = false
  #rest = 0
  #bodySize = 0
  #failure: ResponseFailure | undefined

  /** One that is free, for one response. */
  static take (receiver: ResponseReceiver, terms: ResponseTerms): ResponseParser {
    const parser = free.pop() ?? new ResponseParser()
    parser.#begin(receiver, terms)
    return parser
  }

  /** Whether the response has begun. Blank lines in front of it are nothing. */
  get started (): boolean { return this.#started }
  /** Whether it has ended, has failed or was stopped, or another protocol is spoken now. */
  get over (): boolean { return this.#over }
  get failure (): ResponseFailure | undefined { return this.#failure }
  /** Bytes of the last `execute` that are behind the response: of another protocol, or of what was not asked for. */
  get rest (): number { return this.#rest }
  /** Whether its connection is to carry nothing more, whatever its head said. */
  get spent (): boolean { return this.#spent }
  /** Whether a body is read of which much is still to come. */
  get expectsMuch (): boolean {
    return (this.#framing === 'length' && this.#left > MUCH) || (this.#framing === 'connection' && this.#bodySize > MUCH)
  }

  /** Bytes of the body so far. */
  get bodySize (): number { return this.#bodySize }

  /**
   * Reads a piece. Throws what the receiver throws; it is over then.
   *
   * @param own whether the bytes may be told on as they are; else they stand during the call only
   */
  execute (bytes: Buffer, length: number, own = false): void {
    this.#bytes = bytes
    this.#isOwn = own
    this.#rest = 0
    let at = 0
    while (at < length && !this.#over) {
      if (this.#framing === 'length' || this.#framing === 'connection') at = this.#readBody(at, length)
      else at = this.#run(at, Math.min(length, at + LARGEST_INPUT))
    }
    this.#bytes = NOTHING
    if (this.#failure === undefined) this.#rest = length - at
    this.#rethrow()
  }

  /** The backend has said, by a FIN, that nothing more comes: the end of a body that has no other. */
  finish (): void {
    if (this.#over) return
    if (this.#framing === 'connection') this.#end([])
    else this.#fail('cut-short', 'the connection ended before the response did')
    this.#rethrow()
  }

  /** Nothing is told any more. */
  stop (): void {
    this.#over = true
  }

  /** It is free for another response. Not from within a call of the receiver's. */
  release (): void {
    this.#over = true
    this.#receiver = NOWHERE
    this.#terms = NO_TERMS
    if (free.length < MOST_FREE) free.push(this)
    else this.#llhttp.free()
  }

  // What llhttp tells, from within its run.

  onMessageBegin (): number {
    this.#started = true
    return 0
  }

  onStatus (start: number, end: number): number {
    // Most often it is this one.
    const isUsual = this.#reason === '' && end - start === 2 && this.#bytes[start] === LETTER_O && this.#bytes[start + 1] === LETTER_K
    this.#reason += isUsual ? 'OK' : this.#bytes.toString('latin1', start, end)
    this.#header.size += end - start
    return this.#hasRoom()
  }

  onHeaderField (start: number, end: number): number {
    if (!this.#header.name(this.#bytes, start, end)) return this.#fail('head-too-large', 'a head has too many lines')
    return this.#hasRoom()
  }

  onHeaderValue (start: number, end: number): number {
    this.#header.value(this.#bytes, start, end)
    return this.#hasRoom()
  }

  onHeadersComplete (status: number): number {
    if (this.#header.end > 0 && this.#isIdle(this.#header.end)) return STOP
    this.#since = 0
    this.#mark = Math.max(this.#mark, this.#header.end)
    const lines = this.#header.take(this.#bytes)
    const reason = this.#reason
    this.#reason = ''
    const { major, minor } = this.#llhttp
    if (major !== 1 || (minor !== 0 && minor !== 1)) return this.#fail('invalid', `its version is ${major}.${minor}`)
    if (reason !== 'OK' && UNPRINTABLE.test(reason)) return this.#fail('invalid', 'its reason holds a control character')
    if (status < 100 || status > 599) return this.#fail('invalid', `its status is ${status}`)
    if (status < 200 && status !== 101) return this.#interimHead(status, lines)
    return this.#finalHead(status, new ResponseHead(minor, lines), reason)
  }

  onBody (start: number, end: number): number {
    if (this.#isIdle(start)) return STOP
    if (this.#copy === undefined) {
      const rest = this.#bytes.subarray(start, this.#runEnd)
      this.#copy = this.#isOwn ? rest : Buffer.from(rest)
      this.#copyStart = start
    }
    this.#since = 0
    this.#mark = end
    this.#piece(this.#copy.subarray(start - this.#copyStart, end - this.#copyStart))
    return this.#over ? STOP : 0
  }

  onMessageComplete (): number {
    this.#isComplete = true
    if (this.#framing === 'chunks') this.#endChunks()
    return PAUSE
  }

  #begin (receiver: ResponseReceiver, terms: ResponseTerms): void {
    this.#receiver = receiver
    this.#terms = terms
    this.#llhttp.reset()
    this.#header.clear()
    this.#framing = 'unknown'
    this.#line = 'blank'
    this.#reason = ''
    this.#left = this.#interim = this.#since = this.#rest = this.#bodySize = 0
    this.#isInterim = this.#isComplete = this.#over = this.#started = this.#spent = false
    this.#thrown = this.#failure = this.#copy = undefined
  }

  /** Lets llhttp read on; returns how far it came. */
  #run (start: number, end: number): number {
    if (this.#line !== 'over' && !this.#readStatusLine(start, end)) {
      this.#started = true
      this.#fail('invalid', 'its status line is none')
      return start
    }
    this.#runEnd = end
    this.#mark = start
    const { taken, error } = this.#llhttp.execute(this, this.#bytes, start, end)
    this.#copy = undefined
    if (this.#over) return start + taken
    if (error !== undefined) {
      this.#fail('invalid', error)
    } else if (this.#isInterim && this.#isComplete) {
      // What an interim response says of its connection would hold for llhttp.
      this.#llhttp.reset()
      this.#isInterim = this.#isComplete = false
      this.#line = 'blank'
    } else if (!this.#isComplete) {
      this.#header.carryOver(this.#bytes, end)
      if (!this.#isIdle(end)) this.#since += end - this.#mark
    }
    return start + taken
  }

  // llhttp takes RTSP and ICE for HTTP, and two CRs for a line's end.
  #readStatusLine (start: number, end: number): boolean {
    const bytes = this.#bytes
    let at = start
    if (this.#line === 'blank') {
      while (at < end && (bytes[at] === CR || bytes[at] === LF)) at++
      if (at === end) return true
      if (bytes[at] !== FIRST_LETTER) return false
      this.#line = 'text'
    }
    if (this.#line === 'text') {
      const cr = bytes.indexOf(CR, at)
      if (cr === -1 || cr >= end) return true
      at = cr + 1
      this.#line = 'cr'
    }
    if (at === end) return true
    this.#line = 'over'
    return bytes[at] === LF
  }

  #readBody (start: number, length: number): number {
    const end = this.#framing === 'length' ? Math.min(length, start + this.#left) : length
    this.#left -= end - start
    const piece = this.#bytes.subarray(start, end)
    this.#piece(this.#isOwn ? piece : Buffer.from(piece))
    if (this.#framing === 'length' && this.#left === 0) this.#end([])
    return end
  }

  #piece (chunk: Buffer): void {
    const { maxResponseSize } = this.#terms
    this.#bodySize += chunk.length
    if (maxResponseSize >= 0 && this.#bodySize > maxResponseSize) {
      this.#fail('too-large', `its body is larger than ${maxResponseSize} bytes`)
      return
    }
    try {
      this.#receiver.data(chunk)
    } catch (cause) {
      this.#stopFor(cause)
    }
  }

  #interimHead (status: number, lines: string[]): number {
    this.#isInterim = true
    if (++this.#interim > MOST_INTERIM) return this.#fail('invalid', 'there are too many interim responses')
    try {
      // Nothing asks for a 100 here, and nothing waits for it.
      if (status !== 100) this.#receiver.informed(status, lines)
    } catch (cause) {
      this.#stopFor(cause)
    }
    return this.#over ? STOP : NO_BODY
  }

  #finalHead (status: number, head: ResponseHead, reason: string): number {
    const { method, upgrade, maxResponseSize } = this.#terms
    // RFC 9110 section 15.2.2: it names the protocol.
    if (status === 101 && !(upgrade && head.list.includes('upgrade'))) return this.#fail('invalid', 'it switches to a protocol that was not asked for')
    if (status === 101 || (method === 'CONNECT' && status < 300)) return this.#switch(status, head)
    const { length, isCoded } = head
    if (head.oddlyCoded) return this.#fail('invalid', 'it has a transfer coding that was not asked for')
    // llhttp takes a tab behind `chunked` for a part of its name.
    if (isCoded && this.#llhttp.needsEnd && method !== 'HEAD' && status !== 204 && status !== 304) return this.#fail('invalid', 'it has a transfer coding that was not asked for')
    if (length !== undefined && isCoded) return this.#fail('invalid', 'it has both a length and a transfer coding')
    if (length !== undefined && !DIGITS.test(length)) return this.#fail('invalid', 'its length is no number')
    const isBodiless = method === 'HEAD' || status === 204 || status === 304
    const size = length === undefined ? undefined : Number(length)
    if (!isBodiless && size !== undefined && maxResponseSize >= 0 && size > maxResponseSize) return this.#fail('too-large', `its body is larger than ${maxResponseSize} bytes`)
    // RFC 9112 section 6.1: the framing of such a message is at fault, and its connection ends with it.
    if (isCoded && head.minor === 0) this.#spent = true
    this.#framing = isBodiless || size === 0 ? 'length' : isCoded ? 'chunks' : size === undefined ? 'connection' : 'length'
    this.#left = isBodiless ? 0 : size ?? 0
    try {
      this.#receiver.responded(status, head, reason)
    } catch (cause) {
      this.#stopFor(cause)
    }
    if (this.#framing === 'length' && this.#left === 0) this.#end([])
    return this.#framing === 'chunks' && !this.#over ? 0 : NO_BODY
  }

  #switch (status: number, head: ResponseHead): number {
    this.#over = true
    try {
      this.#receiver.upgraded(status, head)
    } catch (cause) {
      this.#stopFor(cause)
    }
    return NO_BODY
  }

  #endChunks (): void {
    const trailers = this.#header.take(this.#bytes)
    for (let i = 0; i < trailers.length; i += 2) if (MISPLACED.has(trailers[i]!.toLowerCase())) this.#spent = true
    this.#end(trailers)
  }

  #end (trailers: string[]): void {
    if (this.#over) return
    this.#over = true
    try {
      this.#receiver.ended(trailers)
    } catch (cause) {
      this.#stopFor(cause)
    }
  }

  // llhttp tells nothing of what is not a name, a value or a body: blank lines, white space, extensions of chunks.
  #isIdle (end: number): boolean {
    if (this.#since + end - this.#mark - this.#header.size <= this.#terms.maxHeaderSize) return false
    this.#fail('head-too-large', 'it has too many bytes that say nothing')
    return true
  }

  #hasRoom (): number {
    const { maxHeaderSize } = this.#terms
    return this.#header.size < maxHeaderSize ? 0 : this.#fail('head-too-large', `a head is larger than ${maxHeaderSize} bytes`)
  }

  #fail (kind: ResponseFailure['kind'], reason: string): number {
    if (!this.#over) {
      this.#over = true
      this.#failure = { kind, reason }
    }
    return STOP
  }

  // A receiver that throws takes nothing more. It is told once llhttp has been left.
  #stopFor (cause: unknown): void {
    this.#over = true
    this.#thrown = { cause }
  }

  #rethrow (): void {
    const thrown = this.#thrown
    this.#thrown = undefined
    if (thrown !== undefined) throw thrown.cause
  }
}
