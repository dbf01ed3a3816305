import { hasHeader } from '../../http/headers.js'
import { ResponseHead } from '../../http/response-head.js'
import { HeaderLines } from './header-lines.js'
import { LARGEST_INPUT, Llhttp, STOP } from './llhttp.js'
import type { LlhttpEvents } from './llhttp.js'

/** Receives a response. It is called within `execute` and `finish`. There it may call `stop` of the parser, and no other method of it. */
export interface ResponseReceiver {
  /** An interim response other than 100 and 101. `lines`: names and values in turn. */
  informed (status: number, lines: string[]): void
  responded (status: number, head: ResponseHead, reason: string): void
  /** A piece of the body. The receiver may keep it. */
  data (chunk: Buffer): void
  /** The response has ended and is whole. `trailers`: names and values in turn. */
  ended (trailers: string[]): void
  /** A 101 that was asked for, or a 2xx to CONNECT, in place of `responded` and `ended`. */
  upgraded (status: number, head: ResponseHead): void
}

/** The request that a response answers, and the limits of the response. */
export interface ResponseTerms {
  /** The request's method. */
  readonly method: string
  /** Whether the request asked for another protocol. */
  readonly upgrade: boolean
  /** Limit of a head in bytes: names, values and reason together, and as much again for all other bytes. Trailers have the same limits. */
  readonly maxHeaderSize: number
  /** Limit of the body in bytes; -1 for none. */
  readonly maxResponseSize: number
}

/** Why a response is not whole: it is not HTTP, exceeds a limit, or its connection ended too soon. `reason` is for people. */
export interface ResponseFailure { readonly kind: 'invalid' | 'head-too-large' | 'too-large' | 'cut-short', readonly reason: string }

// Go's client accepts five. A backend that sends 102 every half second until the default deadline needs 110.
const MOST_INTERIM = 128
// Parsers that are kept for reuse. Bounded, since each has memory in WebAssembly, which never shrinks.
const MOST_FREE = 256
/**
 * In bytes. llhttp gets at most this much of a head's input at a time, so that the body after the head is not copied. Most heads are
 * smaller.
 */
const HEAD_INPUT = 4_096
const CR = 0x0d
const LF = 0x0a
const FIRST_LETTER = 0x48
const LETTER_O = 0x4f
const LETTER_K = 0x4b
// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\0-\x08\x0a-\x1f\x7f]/
// In bytes. A body of which more is still to come is read into buffers that need no copy.
const MUCH = 32_768
const DIGITS = /^\d{1,15}$/
// Trailers come too late to change the connection or the framing.
const MISPLACED = new Set(['connection', 'transfer-encoding', 'content-length'])

/** How a body ends (RFC 9112 section 6.3): not known yet, after its length, with its last chunk, or with the connection. */
type Framing = 'unknown' | 'length' | 'chunks' | 'connection'

const IDLE = 'too many bytes without content: blank lines, white space, extensions of chunks'
const NOTHING = Buffer.alloc(0)
const NOWHERE: ResponseReceiver = { informed () {}, responded () {}, data () {}, ended () {}, upgraded () {} }
const NO_TERMS: ResponseTerms = { method: '', upgrade: false, maxHeaderSize: 0, maxResponseSize: 0 }

const free: ResponseParser[] = []

/**
 * Reads one response, and the interim responses before it. llhttp reads heads and chunks. This class also refuses what llhttp accepts and
 * is not safe. The receiver is called between runs of llhttp, never within one, so it may throw, and another parser may run in it.
 */
export class ResponseParser implements LlhttpEvents {
  readonly #llhttp = new Llhttp()
  readonly #header = new HeaderLines()
  #receiver = NOWHERE
  #terms = NO_TERMS
  /** The present input, and where the present run of llhttp in it ends. */
  #bytes: Buffer = NOTHING
  #runEnd = 0
  /** Whether the receiver may keep the present input without a copy. */
  #isOwn = false
  /** Why the run of llhttp stopped: a head has ended, or a message. */
  #ended: 'head' | 'message' | undefined
  /** Why an event has stopped the run. */
  #refusal: ResponseFailure | undefined
  /** The pieces of a chunked body in one run. They are parts of `#copy`, which begins at `#copyStart` of `#bytes`. */
  #chunks: Buffer[] = []
  #copy: Buffer | undefined
  #copyStart = 0
  #framing: Framing = 'unknown'
  /** Bytes of a body with a length that are still to come. */
  #left = 0
  #interim = 0
  #status = 0
  #reason = ''
  /** Bytes since the last head or piece of a body (`#since`), counted up to `#mark` of `#bytes`. */
  #since = 0
  #mark = 0
  #over = false
  #started = false
  /** How far the present status line has been read: blank lines before it, within its text, after its CR, or all of it. */
  #line: 'blank' | 'text' | 'cr' | 'over' = 'blank'
  #spent = false
  #rest = 0
  #bodySize = 0
  #failure: ResponseFailure | undefined

  /** Takes a parser from the free list, or makes one, for one response. */
  static take (receiver: ResponseReceiver, terms: ResponseTerms): ResponseParser {
    const parser = free.pop() ?? new ResponseParser()
    parser.#begin(receiver, terms)
    return parser
  }

  /** Whether the response has begun. Blank lines before it do not count. */
  get started (): boolean { return this.#started }
  /** Whether the response has ended, has failed, was stopped, or has changed the protocol. */
  get over (): boolean { return this.#over }
  get failure (): ResponseFailure | undefined { return this.#failure }
  /** How many bytes of the last `execute` came after the response. They belong to another protocol, or are unsolicited. */
  get rest (): number { return this.#rest }
  /** Whether the connection must carry no other request, whatever the head said. */
  get spent (): boolean { return this.#spent }
  /** Whether more than 32 KiB of the present body are still to come, or have come of a body that ends with its connection. */
  get expectsMuch (): boolean {
    return (this.#framing === 'length' && this.#left > MUCH) || (this.#framing === 'connection' && this.#bodySize > MUCH)
  }

  /** Bytes of the body received so far. */
  get bodySize (): number { return this.#bodySize }

  /**
   * Reads a piece of input. Throws what the receiver throws; the parser is over then.
   *
   * @param own whether the receiver may keep the bytes. Otherwise they are valid during the call only, and are copied
   */
  execute (bytes: Buffer, length: number, own = false): void {
    this.#bytes = bytes
    this.#isOwn = own
    this.#rest = 0
    let at = 0
    try {
      while (at < length && !this.#over) {
        at = this.#framing === 'length' || this.#framing === 'connection' ? this.#readBody(at, length) : this.#run(at, length)
      }
    } catch (thrown) {
      this.#over = true
      throw thrown
    } finally {
      this.#bytes = NOTHING
    }
    if (this.#failure === undefined) this.#rest = length - at
  }

  /** The backend's FIN has been read. It ends a body that ends with its connection. Throws what the receiver throws. */
  finish (): void {
    if (this.#framing === 'connection') this.#end([])
    else this.#fail({ kind: 'cut-short', reason: 'the connection ended before the response did' })
  }

  /** The receiver is not called any more. */
  stop (): void {
    this.#over = true
  }

  /** Gives the parser back, for another response. The receiver must not call it. */
  release (): void {
    // A second release would put the parser into the free list twice, and two responses would share it.
    if (this.#receiver === NOWHERE) return
    this.#over = true
    this.#receiver = NOWHERE
    this.#terms = NO_TERMS
    if (free.length < MOST_FREE) free.push(this)
    else this.#llhttp.free()
  }

  // The events of llhttp, called within its run.

  onStatus (start: number, end: number): number {
    this.#reason += this.#reason === '' && isOk(this.#bytes, start, end) ? 'OK' : this.#bytes.toString('latin1', start, end)
    this.#header.size += end - start
    return this.#hasRoom()
  }

  onHeaderField (start: number, end: number): number {
    if (!this.#header.name(this.#bytes, start, end)) return this.#refuse('a header section has too many lines')
    return this.#hasRoom()
  }

  onHeaderValue (start: number, end: number): number {
    this.#header.value(this.#bytes, start, end)
    return this.#hasRoom()
  }

  onHeadersComplete (status: number): void {
    this.#status = status
    this.#ended = 'head'
  }

  onBody (start: number, end: number): number {
    if (this.#isIdle(start)) return this.#refuse(IDLE)
    if (this.#copy === undefined) {
      this.#copy = this.#isOwn ? this.#bytes.subarray(start, this.#runEnd) : copyOf(this.#bytes, start, this.#runEnd)
      this.#copyStart = start
    }
    this.#since = 0
    this.#mark = end
    this.#chunks.push(this.#copy.subarray(start - this.#copyStart, end - this.#copyStart))
    return 0
  }

  onMessageComplete (): void {
    this.#ended = 'message'
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
    this.#over = this.#started = this.#spent = false
    this.#failure = this.#refusal = undefined
  }

  /** Runs llhttp, then calls the receiver with what it has read. Returns the position that it reached. */
  #run (start: number, length: number): number {
    const end = Math.min(length, start + (this.#framing === 'unknown' ? HEAD_INPUT : LARGEST_INPUT))
    if (this.#line !== 'over' && !this.#readStatusLine(start, end)) {
      this.#fail({ kind: 'invalid', reason: 'the status line is not valid' })
      return start
    }
    this.#runEnd = end
    this.#mark = start
    this.#ended = undefined
    const { taken, error } = this.#llhttp.execute(this, this.#bytes, start, end)
    const at = start + taken
    const ended = this.#ended as 'head' | 'message' | undefined
    if (this.#refusal === undefined && error !== undefined) this.#refusal = { kind: 'invalid', reason: error }
    else if (this.#isIdle(at)) this.#refuse(IDLE)
    // Read the noted positions before the receiver is called: it may run another parser, and parsers share them.
    let lines: string[] = []
    if (ended !== undefined) lines = this.#header.take(this.#bytes)
    else this.#header.carryOver(this.#bytes, end)
    this.#since = ended === 'head' ? 0 : this.#since + at - this.#mark
    if (this.#chunks.length > 0) this.#tellChunks()
    if (this.#over) return at
    if (this.#refusal !== undefined) this.#fail(this.#refusal)
    else if (ended === 'head') this.#endHead(lines)
    else if (ended === 'message') this.#endChunks(lines)
    return at
  }

  // llhttp accepts RTSP and ICE as HTTP, and two CRs as the end of a line.
  #readStatusLine (start: number, end: number): boolean {
    const bytes = this.#bytes
    let at = start
    if (this.#line === 'blank') {
      while (at < end && (bytes[at] === CR || bytes[at] === LF)) at++
      if (at === end) return true
      this.#started = true
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
    this.#piece(this.#isOwn ? this.#bytes.subarray(start, end) : copyOf(this.#bytes, start, end))
    if (this.#framing === 'length' && this.#left === 0) this.#end([])
    return end
  }

  #tellChunks (): void {
    const chunks = this.#chunks
    this.#chunks = []
    this.#copy = undefined
    for (const chunk of chunks) if (!this.#over) this.#piece(chunk)
  }

  #piece (chunk: Buffer): void {
    const { maxResponseSize } = this.#terms
    this.#bodySize += chunk.length
    if (maxResponseSize >= 0 && this.#bodySize > maxResponseSize) this.#tooLarge(maxResponseSize)
    else this.#receiver.data(chunk)
  }

  #endHead (lines: string[]): void {
    const status = this.#status
    const reason = this.#reason
    this.#reason = ''
    const { major, minor } = this.#llhttp
    if (major !== 1 || (minor !== 0 && minor !== 1)) return this.#invalid(`the HTTP version is ${major}.${minor}`)
    if (reason !== 'OK' && UNPRINTABLE.test(reason)) return this.#invalid('the reason phrase has a control character')
    if (status < 100 || status > 599) return this.#invalid(`the status code is ${status}`)
    if (status < 200 && status !== 101) this.#endInterimHead(status, lines)
    else this.#endFinalHead(status, new ResponseHead(minor, lines), reason)
  }

  #endInterimHead (status: number, lines: string[]): void {
    if (++this.#interim > MOST_INTERIM) return this.#invalid('there are too many interim responses')
    // Without a reset, llhttp reads nothing after a head with `Connection: close`, and waits for a body that the head declares.
    this.#llhttp.reset()
    this.#line = 'blank'
    // A 100 is dropped: no request asks for it.
    if (status !== 100) this.#receiver.informed(status, lines)
  }

  #endFinalHead (status: number, head: ResponseHead, reason: string): void {
    const { method, upgrade, maxResponseSize } = this.#terms
    // RFC 9110 section 15.2.2: a 101 names the protocol in `Upgrade`.
    if (status === 101 && !(upgrade && hasHeader(head.list, 'upgrade'))) {
      return this.#invalid('the response switches to a protocol that the request did not ask for')
    }
    if (status === 101 || (method === 'CONNECT' && status < 300)) {
      this.#over = true
      return this.#receiver.upgraded(status, head)
    }
    const { length, isCoded, oddlyCoded } = head
    const isBodiless = method === 'HEAD' || status === 204 || status === 304
    // llhttp reads a tab after `chunked` as a part of its name.
    if (oddlyCoded || (isCoded && !isBodiless && this.#llhttp.needsEnd)) {
      return this.#invalid('the response has a transfer coding that the request did not ask for')
    }
    if (length !== undefined && isCoded) return this.#invalid('the response has both a Content-Length and a Transfer-Encoding')
    if (length !== undefined && !DIGITS.test(length)) return this.#invalid('the Content-Length is not a number of 1 to 15 digits')
    const size = length === undefined ? undefined : Number(length)
    if (!isBodiless && size !== undefined && maxResponseSize >= 0 && size > maxResponseSize) return this.#tooLarge(maxResponseSize)
    // RFC 9112 section 6.1: a transfer coding in HTTP/1.0 is faulty framing, and the connection ends after the message.
    if (isCoded && head.minor === 0) this.#spent = true
    this.#left = isBodiless ? 0 : size ?? 0
    this.#framing = isBodiless || size !== undefined ? 'length' : isCoded ? 'chunks' : 'connection'
    if (this.#framing === 'chunks') this.#llhttp.resume()
    this.#receiver.responded(status, head, reason)
    if (this.#framing === 'length' && this.#left === 0) this.#end([])
  }

  #endChunks (trailers: string[]): void {
    for (let i = 0; i < trailers.length; i += 2) if (MISPLACED.has(trailers[i]!.toLowerCase())) this.#spent = true
    this.#end(trailers)
  }

  #end (trailers: string[]): void {
    if (this.#over) return
    this.#over = true
    this.#receiver.ended(trailers)
  }

  // llhttp raises no event for blank lines, white space and chunk extensions, so they are counted by position.
  #isIdle (end: number): boolean {
    return this.#since + end - this.#mark - this.#header.size > this.#terms.maxHeaderSize
  }

  #hasRoom (): number {
    const { maxHeaderSize } = this.#terms
    return this.#header.size < maxHeaderSize ? 0 : this.#refuse(`a header section is larger than ${maxHeaderSize} bytes`)
  }

  /** Called within a run. The receiver gets the earlier pieces of the body first. */
  #refuse (reason: string): number {
    this.#refusal ??= { kind: 'head-too-large', reason }
    return STOP
  }

  #invalid (reason: string): void {
    this.#fail({ kind: 'invalid', reason })
  }

  #tooLarge (limit: number): void {
    this.#fail({ kind: 'too-large', reason: `the body is larger than ${limit} bytes` })
  }

  #fail (failure: ResponseFailure): void {
    if (this.#over) return
    this.#over = true
    this.#failure = failure
  }
}

function copyOf (bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start)
  bytes.copy(copy, 0, start, end)
  return copy
}

// Nearly all responses have this reason, so it is compared as bytes and not decoded.
function isOk (bytes: Buffer, start: number, end: number): boolean {
  return end - start === 2 && bytes[start] === LETTER_O && bytes[start + 1] === LETTER_K
}
