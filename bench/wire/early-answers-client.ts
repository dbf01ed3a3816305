import { Socket } from 'node:net'
import { connect as connectSecure, TLSSocket } from 'node:tls'

/** What a client says in `Connection`. Without the header HTTP/1.1 means keep-alive. */
export type Asking = 'close' | 'keep-alive' | 'nothing'

export interface Upload {
  readonly url: string
  readonly bytes: number
  /** @default 'nothing' */
  readonly asks?: Asking
  /** Whether a failed write ends reading, as in Node's client. @default false */
  readonly hasty?: boolean
  /** The authority that signed the certificate of an `https` backend, in PEM. */
  readonly ca?: string
}

type WriteDone = (error?: Error | null) => void

/** Reads on after a failed write. Node would destroy the socket, with the unread bytes that the kernel holds for it. */
class PatientSocket extends Socket {
  override _write (chunk: Buffer, encoding: BufferEncoding, done: WriteDone): void {
    super._write(chunk, encoding, patiently(done))
  }

  override _writev (chunks: Array<{ chunk: Buffer, encoding: BufferEncoding }>, done: WriteDone): void {
    super._writev!(chunks, patiently(done))
  }
}

class PatientTlsSocket extends TLSSocket {
  override _write (chunk: Buffer, encoding: BufferEncoding, done: WriteDone): void {
    super._write(chunk, encoding, patiently(done))
  }

  override _writev (chunks: Array<{ chunk: Buffer, encoding: BufferEncoding }>, done: WriteDone): void {
    super._writev!(chunks, patiently(done))
  }
}

const PIECE = Buffer.alloc(65_536, 'x')
const LONGEST = 10_000

/**
 * Uploads a body on a new connection, and resolves to the answer, as `200` or `413 FST_ERR_CTP_BODY_TOO_LARGE`; or to why no whole answer
 * came: `ECONNRESET`, `EPIPE`, `cut short`, `silence`.
 */
export async function upload ({ url, bytes, asks = 'nothing', hasty = false, ca }: Upload): Promise<string> {
  const { hostname, port, protocol, pathname } = new URL(url)
  const socket = await connected(Number(port), protocol === 'https:' ? ca : undefined, hasty)
  return await new Promise(resolve => {
    let seen = ''
    let failure: string | undefined
    const end = (what: string): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(what)
    }
    const timer = setTimeout(() => end('silence'), LONGEST)
    socket.on('error', (error: NodeJS.ErrnoException) => { failure = error.code ?? error.message })
    socket.once('end', () => { failure = 'cut short' })
    socket.once('close', () => end(failure ?? 'cut short'))
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1')
      const answer = wholeAnswer(seen)
      if (answer !== undefined) end(answer)
    })
    const connection = asks === 'nothing' ? '' : `Connection: ${asks}\r\n`
    socket.write(`POST ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\n${connection}Content-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`)
    let left = bytes
    const send = (): void => {
      while (left > 0 && !socket.destroyed) {
        const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE
        left -= piece.length
        if (!socket.write(piece)) return
      }
    }
    socket.on('drain', send)
    send()
  })
}

async function connected (port: number, ca: string | undefined, hasty: boolean): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const socket = hasty ? new Socket() : new PatientSocket()
    socket.once('error', reject)
    if (ca === undefined) {
      socket.connect(port, '127.0.0.1', () => {
        socket.off('error', reject)
        resolve(socket)
      })
      return
    }
    socket.connect(port, '127.0.0.1')
    const secure = connectSecure({ socket, host: '127.0.0.1', ca }, () => {
      secure.off('error', reject)
      resolve(secure)
    })
    // `tls.connect` cannot make an object of our class.
    if (!hasty) Object.setPrototypeOf(secure, PatientTlsSocket.prototype)
    secure.once('error', reject)
  })
}

function patiently (done: WriteDone): WriteDone {
  return (error) => { if (error === null || error === undefined) done() }
}

/** The status, and the error's code if the body has one; undefined until the body is whole. */
function wholeAnswer (seen: string): string | undefined {
  const headEnd = seen.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const head = seen.slice(0, headEnd)
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]
  if (status?.startsWith('1') === true) return wholeAnswer(seen.slice(headEnd + 4))
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  const body = seen.slice(headEnd + 4)
  if (length === undefined ? !body.endsWith('0\r\n\r\n') : body.length < Number(length)) return undefined
  return [status, /"code":"(\w+)"/.exec(body)?.[1]].filter(Boolean).join(' ')
}
