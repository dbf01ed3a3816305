import { type ClientHttp2Session, type OutgoingHttpHeaders, connect, constants } from 'node:http2'

/** The outcome of a request: its head, if any; the part of its body that came; and the code that closed its stream. */
export interface Http2Answer { readonly status: number | undefined, readonly length: number | undefined, readonly body: Buffer, readonly code: number, readonly closed: boolean }

// When a leaving client leaves in the middle of its upload or its response, in ms.
const LEAVES_WITHIN = 8
const PATIENCE = 4_000
const NOT_IN_HTTP2 = new Set(['host', 'connection', 'transfer-encoding', 'te', 'keep-alive'])

/** A session that sends requests which are given as HTTP/1.1. */
export class Http2Client {
  readonly #session: ClientHttp2Session

  private constructor (session: ClientHttp2Session) {
    this.#session = session
    session.on('error', () => {})
  }

  static async open (port: number): Promise<Http2Client> {
    const session = connect(`http://127.0.0.1:${port}`)
    await new Promise<void>((resolve, reject) => session.once('connect', () => resolve()).once('error', reject))
    return new Http2Client(session)
  }

  /** The body goes in two pieces, a turn of the event loop apart. */
  async ask (request: string, { leaves = false } = {}): Promise<Http2Answer> {
    const { headers, body } = translated(request)
    const stream = this.#session.request(headers, { endStream: body === '' })
    let status: number | undefined
    let length: number | undefined
    const chunks: Buffer[] = []
    stream.on('response', head => {
      status = head[':status']
      if (head['content-length'] !== undefined && headers[':method'] !== 'HEAD' && status !== 304) length = Number(head['content-length'])
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => {})
    const closed = new Promise<void>(resolve => stream.once('close', () => resolve()))
    const late = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), leaves ? Math.random() * LEAVES_WITHIN : PATIENCE)
    if (body !== '') {
      stream.write(body.slice(0, body.length >> 1))
      setImmediate(() => { if (!stream.destroyed) stream.end(body.slice(body.length >> 1)) })
    }
    await closed
    clearTimeout(late)
    return { status, length, body: Buffer.concat(chunks), code: stream.rstCode ?? 0, closed: this.#session.closed || this.#session.destroyed }
  }

  async close (): Promise<void> {
    if (this.#session.destroyed) return
    await new Promise<void>(resolve => {
      this.#session.once('close', () => resolve())
      this.#session.destroy()
    })
  }
}

/** The fields that HTTP/2 has too, and the unframed body. */
function translated (request: string): { headers: OutgoingHttpHeaders, body: string } {
  const end = request.indexOf('\r\n\r\n')
  const [start = '', ...lines] = request.slice(0, end).split('\r\n')
  const [method, path] = start.split(' ')
  const headers: OutgoingHttpHeaders = { ':method': method, ':path': path }
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    if (!NOT_IN_HTTP2.has(name)) headers[name] = line.slice(colon + 1).trim()
  }
  const rest = request.slice(end + 4)
  return { headers, body: /^transfer-encoding/im.test(request.slice(0, end)) ? 'hello' : rest }
}
