import type { OnReadOpts, Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Writable } from 'node:stream'
import { WithheldWrites } from './withheld-writes.js'

/** What a socket tells the connection that reads it. */
export interface SocketReader {
  /**
   * `bytes[0..length)` are valid only during the call; what outlives it is copied, and any `write()` outlives it.
   *
   * @param own whether the bytes are the reader's to keep
   */
  onRead (bytes: Buffer, length: number, own: boolean): void
  /** The backend's FIN. All before it has been read. */
  onEnd (): void
  /** The socket is gone; `ending` and `error` say how. Comes once, after `onEnd` if there was one. */
  onClose (): void
  /** What was written has left; `write()` returned false before. */
  onDrain (): void
  /** A write failed. Reading goes on, for a second after each read, since an answer may lie there; then the socket closes. */
  onWriteFailed (): void
}

/** The first sign of a socket's end: the backend's FIN, its reset, another error, or this side's own doing. */
export type SocketEnding = 'fin' | 'reset' | 'error' | 'own'

// One for the process. A socket keeps the pointer that it was given, so this buffer is never swapped and never given away.
const BUFFER_SIZE = 65_536
const BUFFER = Buffer.allocUnsafeSlow(BUFFER_SIZE)
// A buffer of its own is given away where a read has filled this much of it. A copy of less is cheaper than the memory, in bytes.
const WORTH_KEEPING = 16_384
/** How long the backend may be silent after a failed write until the failure is believed, in ms. */
const AFTER_FAILED_WRITE = 1_000
const RESETS: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE'])

const OWNER = Symbol('holdfast.backend-socket')

interface Owned extends Socket {
  [OWNER]: BackendSocket
}

/**
 * A socket to a backend, plain or TLS, as a connection uses it: it is read without a stream between, and its end is told as facts.
 * All of its events come from listeners that all sockets share.
 */
export class BackendSocket {
  /** Bytes that have come. */
  bytesRead = 0
  readonly #socket: Socket
  readonly #writes: WithheldWrites
  /** Whether it is read by 'data'. */
  readonly #byData: boolean
  readonly #isTls: boolean
  /** Whether much more is expected: it is read into buffers that are given away, and not copied. */
  expectsMuch = false
  /** Whether the buffer that is read into now is given away. */
  #isOwn = false
  #mayHoldMore = false
  #isKept = false
  #reader: SocketReader | undefined
  #ending: SocketEnding | undefined
  #error: Error | undefined
  #address: string | undefined
  #paused = false
  /** Whether reading has stopped. It goes on after `pause()` until the next bytes come. */
  #stopped = false
  #handedOver = false
  // What has come and may not be told yet: since it is paused, or has no reader.
  #held: Buffer[] | undefined
  #endHeld = false
  #closeHeld = false
  #closed = false
  #afterFailedWrite: NodeJS.Timeout | undefined
  /** How many calls of readers, and writes to sockets that may answer at once, are under way in the process. */
  static #under = 0

  /**
   * @param open makes the socket with `onread` among the options of `net.connect` or `tls.connect`. It may still be connecting. With
   *   `byData` it is given nothing to read with, and the socket may be any kind of duplex.
   */
  constructor (open: (onread: OnReadOpts) => Socket, byData = false) {
    this.#byData = byData
    const socket = byData ? open(NO_ONREAD) : open({ buffer: () => this.#nextBuffer(), callback: (length, buffer) => this.#received(buffer as Buffer, length) })
    this.#socket = socket
    this.#isTls = socket instanceof TLSSocket
    this.#writes = new WithheldWrites(socket, BackendSocket.#onWriteFailed);
    (socket as Owned)[OWNER] = this
    // Node would send a FIN of its own behind the backend's.
    socket.allowHalfOpen = true
    socket.on('end', BackendSocket.#onEnd).on('error', BackendSocket.#onError).on('close', BackendSocket.#onClose).on('drain', BackendSocket.#onDrain)
    if (byData) this.#begin()
  }

  /** Takes a socket that something else has made and connected; it reads it by 'data'. */
  static adopt (socket: Socket): BackendSocket {
    return new BackendSocket(() => socket, true)
  }

  /** Who is told. Nothing is lost while there is none: what comes is held, and reading stops. */
  get reader (): SocketReader | undefined { return this.#reader }
  set reader (reader: SocketReader | undefined) {
    this.#reader = reader
    if (reader !== undefined) this.#tellSoon()
  }

  get ending (): SocketEnding | undefined { return this.#ending }
  /** The error that ended it, or that of a failed write. */
  get error (): Error | undefined { return this.#error ?? this.#writes.failure }
  get writeFailed (): boolean { return this.#writes.failure !== undefined }
  /** Whether more may have lain there than the last read has taken: it filled its buffer, or was a piece of one TLS read. */
  get mayHoldMore (): boolean { return this.#mayHoldMore }
  /** Whether the backend has stopped reading what is written to it. */
  get writeBlocked (): boolean { return this.#socket.writableNeedDrain }
  /**
   * Whether bytes wait for the system to take them. Over TLS node tells of a write some turns after the system has taken it, and the answer
   * may be here by then: what is less than its mark is not taken for waiting there.
   */
  get writePending (): boolean { return this.#isTls ? this.#socket.writableNeedDrain : this.#socket.writableLength > 0 }

  /** Of the backend, `host:port`; undefined where it has none, or where it is asked for the first time after the socket's end. */
  get address (): string | undefined {
    this.#address ??= addressOf(this.#socket)
    return this.#address
  }

  /** Text is latin1. False where the backend does not keep up; `onDrain` follows. After a failed write or the socket's end it does nothing. */
  write (data: string | Uint8Array, encoding: 'latin1' = 'latin1'): boolean {
    const socket = this.#socket
    if (this.#writes.failure !== undefined || !socket.writable) return false
    if (this.#byData) return this.#writeAside(data, encoding)
    return typeof data === 'string' ? socket.write(data, encoding) : socket.write(data)
  }

  // A duplex that a user has made may answer from within it.
  #writeAside (data: string | Uint8Array, encoding: 'latin1'): boolean {
    BackendSocket.#under++
    try {
      return typeof data === 'string' ? this.#socket.write(data, encoding) : this.#socket.write(data)
    } finally {
      BackendSocket.#under--
    }
  }

  cork (): void { this.#socket.cork() }

  uncork (): void {
    BackendSocket.#under++
    try {
      this.#socket.uncork()
    } finally {
      BackendSocket.#under--
    }
  }

  /** Nothing is read to the reader from now on, `onEnd` included. */
  pause (): void {
    this.#paused = true
  }

  /** What was held meanwhile is told soon, and never from within this call. */
  resume (): void {
    if (!this.#paused) return
    this.#paused = false
    if (!this.#tellSoon()) this.#goOn()
  }

  // A duplex that a user has made may have neither.
  ref (): void { this.#socket.ref?.() }
  unref (): void { this.#socket.unref?.() }

  /** Ends it at once, with nothing more told but `onClose`. */
  destroy (): void {
    this.#ending ??= 'own'
    this.#held = undefined
    this.#endHeld = false
    this.#socket.destroy()
  }

  /**
   * Gives the socket away, for a tunnel: a plain duplex from now on, that begins with `rest`. It is to be called from within `onRead`, or
   * while paused. A socket whose FIN has been seen by then is destroyed: it emits 'end' once, and its new owner would wait for that.
   */
  handOver (rest: Buffer): Socket {
    const socket = this.#socket
    this.#handedOver = true
    this.#reader = undefined
    clearTimeout(this.#afterFailedWrite)
    // 'error' stays: an error without a listener would end the process.
    socket.off('end', BackendSocket.#onEnd).off('close', BackendSocket.#onClose).off('drain', BackendSocket.#onDrain).off('data', BackendSocket.#onData)
    const bytes = this.#held === undefined ? rest : Buffer.concat([rest, ...this.#held])
    this.#held = undefined
    if (this.#byData) letGo(socket)
    if (this.#endHeld) socket.destroy()
    else if (bytes.length > 0 && !socket.destroyed) socket.unshift(bytes)
    this.#writes.release()
    return socket
  }

  // Asked for once at first, and then behind each read. Undefined: the same again.
  #nextBuffer (): Uint8Array {
    const same = undefined as unknown as Uint8Array
    if (this.#handedOver || !this.expectsMuch) {
      if (!this.#isOwn && this.bytesRead > 0) return same
      this.#isOwn = false
      return BUFFER
    }
    // TLS reads 16 KiB at most.
    if ((this.#isOwn && !this.#isKept) || this.#isTls) return same
    this.#isOwn = true
    this.#isKept = false
    return Buffer.allocUnsafeSlow(BUFFER_SIZE)
  }

  // Whether reading is to go on.
  #received (bytes: Buffer, length: number): boolean {
    this.bytesRead += length
    this.#mayHoldMore = length === bytes.length || this.#isTls
    const own = this.#byData || (this.#isOwn && length >= WORTH_KEEPING)
    this.#isKept = own
    if (this.#handedOver) return this.#socket.push(copyOf(bytes, length))
    this.#afterFailedWrite?.refresh()
    const reader = this.#reader
    // What comes from within another read would be read in its midst, and readers share a parser's memory.
    const amid = this.#byData && BackendSocket.#under > 0
    if (reader === undefined || this.#paused || this.#held !== undefined || amid) {
      // One TLS read has several pieces, and a pause does not stop those that have come.
      (this.#held ??= []).push(own ? bytes.subarray(0, length) : copyOf(bytes, length))
      this.#stopped = true
      if (amid) this.#tellSoon()
      return false
    }
    BackendSocket.#tell(reader, bytes, length, own)
    // Also where that has paused it: only what is read shows a reset. What comes next is held, and reading stops then.
    return true
  }

  #begin (): void {
    const socket = this.#socket
    if (socket.destroyed) this.#hasClosed()
    else if (socket.readableEnded) this.#ended()
    else socket.on('data', BackendSocket.#onData)
  }

  #goOn (): void {
    if (!this.#stopped) return
    this.#stopped = false
    if (this.#socket.destroyed) return
    if (this.#byData) this.#socket.resume()
    // `resume()` would make the stream flow, and lose what is pushed into it after it has been handed over.
    else this.#socket.read(0)
  }

  // Whether there is anything to tell.
  #tellSoon (): boolean {
    if (this.#held === undefined && !this.#endHeld && !this.#closeHeld) return false
    process.nextTick(BackendSocket.#tellHeldOf, this)
    return true
  }

  #tellHeld (): void {
    while (this.#held !== undefined && this.#tellable) {
      const chunk = this.#held.shift()!
      if (this.#held.length === 0) this.#held = undefined
      BackendSocket.#tell(this.#reader!, chunk, chunk.length, true)
    }
    if (this.#held !== undefined || !this.#tellable) return
    this.#goOn()
    if (this.#endHeld) {
      this.#endHeld = false
      this.#reader!.onEnd()
    }
    if (this.#closeHeld && this.#reader !== undefined) {
      this.#closeHeld = false
      this.#reader.onClose()
    }
  }

  get #tellable (): boolean {
    return this.#reader !== undefined && !this.#paused && !this.#handedOver
  }

  #ended (): void {
    this.#ending ??= wasReset(this.#socket) ? 'reset' : 'fin'
    if (this.#held === undefined && this.#tellable) this.#reader!.onEnd()
    else this.#endHeld = true
    // Nothing more can come before the failure of a write.
    this.#writes.release()
  }

  #failed (error: Error & { code?: string }): void {
    this.#error ??= error
    this.#ending ??= RESETS.has(error.code) ? 'reset' : 'error'
  }

  #hasClosed (): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#afterFailedWrite)
    // A destroyed stream still has the bytes that were not read from it.
    if (this.#byData && this.#ending !== 'own') this.#holdLeftOver()
    // Something else has destroyed it, and sent no FIN.
    this.#ending ??= 'reset'
    if (this.#held === undefined && !this.#endHeld && this.#reader !== undefined) this.#reader.onClose()
    else this.#closeHeld = true
  }

  #holdLeftOver (): void {
    const left = this.#socket.read() as Buffer | null
    if (left === null) return
    (this.#held ??= []).push(left)
    this.#tellSoon()
  }

  #writeHasFailed (): void {
    // The FIN has come, and everything before it.
    if (this.#socket.readableEnded || this.#handedOver) return this.#writes.release()
    this.#afterFailedWrite = setTimeout(BackendSocket.#believeFailedWrite, AFTER_FAILED_WRITE, this).unref()
    // It may have failed from within the reader's own write().
    process.nextTick(BackendSocket.#tellWriteFailed, this)
  }

  static #tell (reader: SocketReader, bytes: Buffer, length: number, own: boolean): void {
    BackendSocket.#under++
    try {
      reader.onRead(bytes, length, own)
    } finally {
      BackendSocket.#under--
    }
  }

  // Listeners that all sockets share.
  static #onData (this: Socket, chunk: Buffer): void {
    const owner = (this as Owned)[OWNER]
    if (!owner.#received(chunk, chunk.length)) this.pause()
  }

  static #onEnd (this: Socket): void { (this as Owned)[OWNER].#ended() }
  static #onError (this: Socket, error: Error): void { (this as Owned)[OWNER].#failed(error) }
  static #onClose (this: Socket): void { (this as Owned)[OWNER].#hasClosed() }
  static #onDrain (this: Socket): void { (this as Owned)[OWNER].#reader?.onDrain() }
  static #onWriteFailed (stream: Writable): void { (stream as Owned)[OWNER].#writeHasFailed() }

  static #tellHeldOf (socket: BackendSocket): void { socket.#tellHeld() }

  static #tellWriteFailed (socket: BackendSocket): void {
    if (!socket.#handedOver && !socket.#closed) socket.#reader?.onWriteFailed()
  }

  static #believeFailedWrite (socket: BackendSocket): void {
    // While it is paused, something may lie in the kernel.
    if (socket.#paused || socket.#held !== undefined) socket.#afterFailedWrite?.refresh()
    else socket.#writes.release()
  }
}

const NO_ONREAD: OnReadOpts = { buffer: BUFFER, callback: () => true }

function copyOf (bytes: Buffer, length: number): Buffer {
  return Buffer.from(bytes.subarray(0, length))
}

/**
 * Whether what looks like the backend's FIN is a reset. libuv calls a reset an end where it comes together with data; but only after a reset
 * has the system forgotten whom the socket was connected to. (Neither address: it is no TCP socket.)
 */
function wasReset (socket: Socket & { _peername?: unknown }): boolean {
  // Node's memory of it, where a user's function has looked at the address.
  socket._peername = undefined
  return socket.localAddress !== undefined && socket.remoteAddress === undefined
}

// Node keeps the address once it was asked for; `wasReset` lives on whether the system still knows it.
function addressOf (socket: Socket & { _peername?: unknown }): string | undefined {
  const { remoteAddress, remotePort } = socket
  socket._peername = undefined
  return remoteAddress === undefined ? undefined : `${remoteAddress}:${remotePort}`
}

// Without its listener, a socket that is read by 'data' would flow on, and lose what comes. One that has had a 'readable' listener, and has
// none any more, waits for the next listener.
function letGo (socket: Socket): void {
  const listener = (): void => {}
  socket.pause().on('readable', listener).off('readable', listener)
}
