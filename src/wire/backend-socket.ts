import type { OnReadOpts, Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Writable } from 'node:stream'
import { endOfShown } from './shown-certificates.js'
import { WithheldWrites } from './withheld-writes.js'

/** What a socket tells the connection that reads it. */
export interface SocketReader {
  /**
   * `bytes[0..length)` are valid during the call only, unless `own` is true. The reader copies what it keeps. A `write()` of these bytes
   * needs a copy too, since it may finish after the call.
   *
   * @param own whether the reader may keep the bytes
   */
  onRead (bytes: Buffer, length: number, own: boolean): void
  /** The backend's FIN. All bytes before it have been read. */
  onEnd (): void
  /** The socket has closed; `ending` and `error` say how. Called once, after `onEnd` if there was one. */
  onClose (): void
  /** The socket takes more: the bytes for which `write()` returned false have been written. */
  onDrain (): void
  /** A write failed. The socket is still read, since an answer may have arrived. It closes after one second without a read. */
  onWriteFailed (): void
}

/** The first sign of a socket's end: the backend's FIN, its reset, another error, or `end()` or `destroy()` of this process. */
export type SocketEnding = 'fin' | 'reset' | 'error' | 'own'

// One buffer for the process. A socket keeps the pointer that it was given, so this buffer is never replaced and never given to a reader.
const BUFFER_SIZE = 65_536
const BUFFER = Buffer.allocUnsafeSlow(BUFFER_SIZE)
// In bytes. A read that fills this much of a socket's own buffer gives the buffer to the reader. A copy of fewer bytes costs less than a
// new buffer.
const WORTH_KEEPING = 16_384
/** How long the backend may be silent after a failed write before the socket is told of the failure, in ms. */
const AFTER_FAILED_WRITE = 1_000
const RESETS: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE'])

const OWNER = Symbol('holdfast.backend-socket')

interface Owned extends Socket {
  [OWNER]: BackendSocket
}

/**
 * A socket to a backend, plain or TLS, as a connection uses it. It is read by `onread`, past the stream's own buffer, and it reports how
 * the socket ended as facts. All sockets share one set of listeners.
 */
export class BackendSocket {
  /** Bytes received. */
  bytesRead = 0
  readonly #socket: Socket
  readonly #writes: WithheldWrites
  /** Whether it is read by 'data' events, in place of `onread`. */
  readonly #byData: boolean
  readonly #isTls: boolean
  /** Whether much more is expected. Then reads go into buffers that are given to the reader without a copy. */
  expectsMuch = false
  /** Whether the next read goes into a buffer of this socket's own. */
  #isOwn = false
  #mayHoldMore = false
  #isKept = false
  #reader: SocketReader | undefined
  #ending: SocketEnding | undefined
  #error: Error | undefined
  #address: string | undefined
  #paused = false
  /** Whether reading has stopped. `pause()` does not stop it: the next read does. */
  #stopped = false
  #handedOver = false
  // Bytes that were received while the socket was paused or had no reader.
  #held: Buffer[] | undefined
  #endHeld = false
  #closeHeld = false
  #closed = false
  #afterFailedWrite: NodeJS.Timeout | undefined
  /** How many calls of readers, and writes to sockets that may answer within the write, are under way in the process. */
  static #under = 0

  /**
   * @param open makes the socket, with `onread` among the options of `net.connect` or `tls.connect`. The socket may still be connecting
   * @param byData reads the socket by 'data' events. `onread` has no use then, and the socket may be any kind of duplex
   */
  constructor (open: (onread: OnReadOpts) => Socket, byData = false) {
    this.#byData = byData
    const socket = byData ? open(NO_ONREAD) : open({ buffer: () => this.#nextBuffer(), callback: (length, buffer) => this.#received(buffer as Buffer, length) })
    this.#socket = socket
    this.#isTls = socket instanceof TLSSocket
    this.#writes = new WithheldWrites(socket, BackendSocket.#onWriteFailed);
    (socket as Owned)[OWNER] = this
    // Otherwise Node would answer the backend's FIN with a FIN of its own.
    socket.allowHalfOpen = true
    socket.on('end', BackendSocket.#onEnd).on('error', BackendSocket.#onError).on('close', BackendSocket.#onClose).on('drain', BackendSocket.#onDrain)
    if (byData) this.#begin()
  }

  /** Takes a connected socket that other code has made. It is read by 'data' events. */
  static adopt (socket: Socket): BackendSocket {
    return new BackendSocket(() => socket, true)
  }

  /** Receives the socket's events. While there is no reader, received bytes are held and reading stops, so nothing is lost. */
  get reader (): SocketReader | undefined { return this.#reader }
  set reader (reader: SocketReader | undefined) {
    this.#reader = reader
    if (reader !== undefined) this.#tellSoon()
  }

  get ending (): SocketEnding | undefined { return this.#ending }
  /** The error that ended the socket, or the error of a failed write. */
  get error (): Error | undefined { return this.#error ?? this.#writes.failure }
  get writeFailed (): boolean { return this.#writes.failure !== undefined }
  /**
   * Whether the kernel may hold more than the last read took: the read filled its buffer, or the socket is TLS, whose reads come in pieces.
   */
  get mayHoldMore (): boolean { return this.#mayHoldMore }
  /** Whether the backend has stopped reading what is written to it. */
  get writeBlocked (): boolean { return this.#socket.writableNeedDrain }
  /**
   * Whether bytes wait for the system to take them. Over TLS, this is true only while the socket is full (above its high-water mark). Node
   * reports that a TLS write is done some turns of the event loop after the system has taken the bytes. The answer may arrive in between,
   * so the report comes too late to be used.
   */
  get writePending (): boolean { return this.#isTls ? this.#socket.writableNeedDrain : this.#socket.writableLength > 0 }

  /** The backend's `host:port`. Undefined where it has none, and where the first call comes after the socket's end. */
  get address (): string | undefined {
    this.#address ??= addressOf(this.#socket)
    return this.#address
  }

  /**
   * When the certificate ends that the backend has shown for itself on this socket, in ms since 1970. Undefined over plain TCP, and where a
   * session was resumed: then the backend shows none. Each call reads the certificate, so ask once.
   */
  get certificateEnd (): number | undefined {
    return this.#isTls ? endOfShown(this.#socket as TLSSocket) : undefined
  }

  /**
   * Text is latin1. Returns false where the backend does not keep up; `onDrain` follows. After a failed write or the socket's end it does
   * nothing and returns false.
   */
  write (data: string | Uint8Array, encoding: 'latin1' = 'latin1'): boolean {
    const socket = this.#socket
    if (this.#writes.failure !== undefined || !socket.writable) return false
    if (this.#byData) return this.#writeAside(data, encoding)
    return typeof data === 'string' ? socket.write(data, encoding) : socket.write(data)
  }

  // A duplex of the user's may emit its answer within `write()`; `#received` sees by `#under` that it must hold that answer.
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

  /** Calls neither `onRead` nor `onEnd` until `resume()`. */
  pause (): void {
    this.#paused = true
  }

  /** Delivers what was held meanwhile in the next tick, never within this call. */
  resume (): void {
    if (!this.#paused) return
    this.#paused = false
    if (!this.#tellSoon()) this.#goOn()
  }

  // A duplex of the user's may have neither method.
  ref (): void { this.#socket.ref?.() }
  unref (): void { this.#socket.unref?.() }

  /** Ends the socket at once. The reader gets `onClose` and nothing else. */
  destroy (): void {
    this.#ending ??= 'own'
    this.#held = undefined
    this.#endHeld = false
    this.#socket.destroy()
  }

  /**
   * Gives the socket to a new owner, for a tunnel. It is a plain duplex from now on, and `rest` is its first data. Call it within `onRead`,
   * or while paused. A socket that has already received the FIN is destroyed: 'end' is emitted only once, and the new owner would wait for
   * it.
   */
  handOver (rest: Buffer): Socket {
    const socket = this.#socket
    this.#handedOver = true
    this.#reader = undefined
    clearTimeout(this.#afterFailedWrite)
    // The 'error' listener stays: an error without a listener would end the process.
    socket.off('end', BackendSocket.#onEnd).off('close', BackendSocket.#onClose).off('drain', BackendSocket.#onDrain).off('data', BackendSocket.#onData)
    const bytes = this.#held === undefined ? rest : Buffer.concat([rest, ...this.#held])
    this.#held = undefined
    if (this.#byData) letGo(socket)
    if (this.#endHeld) socket.destroy()
    else if (bytes.length > 0 && !socket.destroyed) socket.unshift(bytes)
    this.#writes.release()
    return socket
  }

  // Node calls this once at first, and again after each read. Undefined keeps the present buffer.
  #nextBuffer (): Uint8Array {
    const same = undefined as unknown as Uint8Array
    if (this.#handedOver || !this.expectsMuch) {
      if (!this.#isOwn && this.bytesRead > 0) return same
      this.#isOwn = false
      return BUFFER
    }
    // A TLS socket keeps the shared buffer: it reads 16 KiB at most.
    if ((this.#isOwn && !this.#isKept) || this.#isTls) return same
    this.#isOwn = true
    this.#isKept = false
    return Buffer.allocUnsafeSlow(BUFFER_SIZE)
  }

  // Returns whether reading goes on.
  #received (bytes: Buffer, length: number): boolean {
    this.bytesRead += length
    this.#mayHoldMore = length === bytes.length || this.#isTls
    const own = this.#byData || (this.#isOwn && length >= WORTH_KEEPING)
    this.#isKept = own
    if (this.#handedOver) return this.#socket.push(copyOf(bytes, length))
    this.#afterFailedWrite?.refresh()
    const reader = this.#reader
    // Bytes that arrive within another reader's call must wait: readers share the parser's memory.
    const amid = this.#byData && BackendSocket.#under > 0
    if (reader === undefined || this.#paused || this.#held !== undefined || amid) {
      // One TLS read has several pieces. A pause does not stop the pieces that were already received.
      (this.#held ??= []).push(own ? bytes.subarray(0, length) : copyOf(bytes, length))
      this.#stopped = true
      if (amid) this.#tellSoon()
      return false
    }
    BackendSocket.#tell(reader, bytes, length, own)
    // Read on even if the reader has just paused the socket: a reset shows only while reading. The next bytes are held, and stop the
    // reading.
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
    // `resume()` would make the stream flow, and it would lose what is pushed into it after `handOver`.
    else this.#socket.read(0)
  }

  // Returns whether anything is held.
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
    // All bytes have been read, so the failure of a write can no longer cost an answer.
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
    // A destroyed stream still holds the bytes that were not read from it.
    if (this.#byData && this.#ending !== 'own') this.#holdLeftOver()
    // Other code destroyed the socket, and no FIN was received: treat it as a reset.
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
    // The FIN and all bytes before it have been read: no answer can be lost.
    if (this.#socket.readableEnded || this.#handedOver) return this.#writes.release()
    this.#afterFailedWrite = setTimeout(BackendSocket.#believeFailedWrite, AFTER_FAILED_WRITE, this).unref()
    // The failure may come within the reader's own `write()`, so the reader is called later.
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

  // The listeners that all sockets share.
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
    // While the socket is paused, the kernel may hold an unread answer.
    if (socket.#paused || socket.#held !== undefined) socket.#afterFailedWrite?.refresh()
    else socket.#writes.release()
  }
}

const NO_ONREAD: OnReadOpts = { buffer: BUFFER, callback: () => true }

function copyOf (bytes: Buffer, length: number): Buffer {
  return Buffer.from(bytes.subarray(0, length))
}

/**
 * Whether what looks like the backend's FIN is a reset. libuv reports a reset as an end where it arrives together with data. Only after a
 * reset has the system forgotten the peer's address. A socket without a local address is no TCP socket, and its end counts as a FIN.
 */
function wasReset (socket: Socket & { _peername?: unknown }): boolean {
  // Drops the address that Node keeps once it was read, for instance by a user's function.
  socket._peername = undefined
  return socket.localAddress !== undefined && socket.remoteAddress === undefined
}

// Node keeps the address once it was read. It is dropped again, since `wasReset` needs to know whether the system still has it.
function addressOf (socket: Socket & { _peername?: unknown }): string | undefined {
  const { remoteAddress, remotePort } = socket
  socket._peername = undefined
  return remoteAddress === undefined ? undefined : `${remoteAddress}:${remotePort}`
}

// A socket that was read by 'data' would flow on without a listener, and lose its data. Adding and removing a 'readable' listener makes the
// stream wait for the next listener.
function letGo (socket: Socket): void {
  const listener = (): void => {}
  socket.pause().on('readable', listener).off('readable', listener)
}
