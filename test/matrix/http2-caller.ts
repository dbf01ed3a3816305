import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { type Caller, type Outcome, Settling, sizeOf } from './caller.js'
import type { Upload } from './cell.js'
import { within } from './waiting.js'

/** A client with one session, in clear text with prior knowledge. */
export class Http2Caller implements Caller {
  readonly session: ClientHttp2Session
  readonly #settling = new Settling()
  #stream: ClientHttp2Stream | undefined
  #rest = ''

  private constructor (session: ClientHttp2Session) {
    this.session = session
    session.on('error', () => {})
  }

  static async open (port: number): Promise<Http2Caller> {
    const session = connect(`http://127.0.0.1:${port}`)
    const caller = new Http2Caller(session)
    await within(3_000, new Promise<void>((resolve, reject) => session.once('connect', () => resolve()).once('error', reject)), 'a session')
    return caller
  }

  get outcome (): Promise<Outcome> { return this.#settling.outcome }
  get settled (): boolean { return this.#settling.settled }

  /** The client's port, by which the server's socket is found. */
  get localPort (): number | undefined {
    return this.session.destroyed ? undefined : this.session.socket.localPort
  }

  begin ({ method, type, first, rest }: Upload): void {
    this.#rest = rest
    const stream = this.#stream = this.session.request({ ':method': method, ':path': '/cell', 'content-type': type }, { endStream: first === '' && rest === '' })
    this.#settleBy(stream)
    if (first !== '') stream.write(first)
    if (rest === '' && !stream.writableEnded) stream.end()
  }

  more (): void {
    const stream = this.#stream
    if (stream === undefined || this.#rest === '' || stream.destroyed || stream.writableEnded) return
    stream.end(this.#rest)
    this.#rest = ''
  }

  reset (): void {
    this.#settling.left = true
    this.#stream?.close(constants.NGHTTP2_CANCEL)
  }

  endSession (): void {
    this.#settling.left = true
    this.session.destroy()
  }

  async again (): Promise<string | undefined> {
    if (this.session.closed || this.session.destroyed) return undefined
    const stream = this.session.request({ ':path': '/canary' })
    const status = await within(3_000, new Promise<number>(resolve => {
      let status = 0
      stream.on('response', headers => { status = headers[':status'] ?? 0 })
      stream.on('error', () => {}).once('close', () => resolve(stream.rstCode === 0 ? status : 0)).resume()
    }), 'another request of its session')
    // The session may be about to close, as in a drain.
    return status === 200 || this.session.closed ? undefined : `another request of its session got ${status}`
  }

  readonly unexplained = undefined

  async close (): Promise<void> {
    if (this.session.destroyed) return
    await new Promise<void>(resolve => {
      this.session.once('close', () => resolve())
      this.session.destroy()
    })
  }

  #settleBy (stream: ClientHttp2Stream): void {
    const chunks: Buffer[] = []
    let status: number | undefined
    let length: number | undefined
    const whole = (): void => { if (!this.#settling.left) this.#settling.settle({ kind: 'answer', status: status!, size: sizeOf(chunks) }) }
    stream.on('response', headers => {
      status = headers[':status']
      length = headers['content-length'] === undefined ? undefined : Number(headers['content-length'])
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    // The stream may stay open for the rest of the upload. If no length shows the end of the body, the end of the stream does.
    stream.once('end', () => { if (status !== undefined && length === sizeOf(chunks)) whole() })
    stream.on('error', () => {})
    stream.once('close', () => {
      if (this.#settling.left || stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#settling.lost(`RST_STREAM with ${stream.rstCode}`)
      else if (status !== undefined && stream.readableEnded) whole()
      else if (this.session.closed || this.session.destroyed) this.#settling.lost('the session ended')
      else this.#settling.settle({ kind: 'wrong', why: status === undefined ? 'a stream that ended without a response' : 'a response that ended without an end' })
    })
  }
}
