import { connect } from 'node:net'
import type { BackendRequest } from './backend-request.js'
import type { BackendEnd, MakeEnd, Path } from './delay-relay.js'
import { machineTime } from './delay-relay-line.js'

/** How a backend of ours behaves; it is read anew for each request, so it may be changed. */
export interface IdleBackendSettings {
  /** It closes a connection on which nothing has arrived for so long since its last answer, in ms, and says nothing of it. */
  idleTimeout: number
  /** How long it works on a request, in ms. Default 0. */
  workMs?: number
}

/**
 * A backend at the end of the path itself. It lives by the times of what arrives and not by when its timers run: a request
 * is late when it was due after the close, whatever the machine was doing then.
 */
export function idleBackend (settings: IdleBackendSettings): MakeEnd {
  return (path, openedAt) => new IdleEnd(path, settings, openedAt)
}

class IdleEnd implements BackendEnd {
  readonly #path: Path
  readonly #settings: IdleBackendSettings
  #due = Infinity
  #next: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor (path: Path, settings: IdleBackendSettings, openedAt: number) {
    this.#path = path
    this.#settings = settings
    this.#idleFrom(openedAt)
  }

  until (at: number): void {
    while (this.#next !== undefined && this.#due <= at) {
      const next = this.#next
      this.#next = undefined
      next()
    }
  }

  bytes (_chunk: Buffer, _at: number): void {
    this.#plan(Infinity, undefined)
  }

  request (request: Pick<BackendRequest, 'header'>, at: number): void {
    const answered = at + (this.#settings.workMs ?? 0)
    const close = request.header('connection') === 'close'
    const body = JSON.stringify({ id: request.header('x-id') ?? '' })
    this.#plan(answered, () => {
      this.#path.send(Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${close ? 'Connection: close\r\n' : ''}Content-Length: ${body.length}\r\n\r\n${body}`), answered)
      if (close) this.#path.end(answered)
      else this.#idleFrom(answered)
    })
    this.until(at)
  }

  ended (_how: 'fin' | 'rst', at: number): void {
    this.#plan(Infinity, undefined)
    this.#path.end(at)
  }

  #idleFrom (since: number): void {
    const closes = since + this.#settings.idleTimeout
    this.#plan(closes, () => this.#path.end(closes))
  }

  #plan (due: number, next: (() => void) | undefined): void {
    clearTimeout(this.#timer)
    this.#due = due
    this.#next = next
    if (next !== undefined) this.#timer = setTimeout(() => this.#fire(due), Math.max(0, due - machineTime()))
  }

  #fire (due: number): void {
    // What should have come before may be waiting for a late timer too.
    this.#path.flush(due)
    // Timers know whole milliseconds only: this one may be a fraction early.
    this.until(Math.max(due, machineTime()))
  }
}

/** A real backend behind the path, on a port of this machine. */
export function tcpBackend (port: number): MakeEnd {
  return (path) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    socket.on('data', (chunk) => path.send(chunk, machineTime()))
    socket.on('end', () => path.end(machineTime()))
    socket.on('close', () => path.end(machineTime()))
    socket.on('error', () => {})
    return {
      until () {},
      bytes: (chunk) => { socket.write(chunk) },
      request () {},
      ended: (how) => { if (how === 'fin') socket.end(); else socket.destroy() }
    }
  }
}
