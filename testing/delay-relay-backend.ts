import { connect } from 'node:net'
import type { BackendRequest } from './backend-request.js'
import type { BackendEnd, MakeEnd, Path } from './delay-relay.js'
import { machineTime } from './delay-relay-line.js'

/** How a scripted backend behaves. It is read for each request, so it may change. */
export interface IdleBackendSettings {
  /** It closes a connection on which nothing arrives for so long after its last answer, in ms, without announcing it. */
  idleTimeout: number
  /** Time from a request to its answer, in ms. Default 0. */
  workMs?: number
}

/**
 * A backend at the end of the path. It decides by the times of arrivals, not by when its timers run: a request is late if it was due after
 * the close, even on a busy machine.
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
    // Bytes that were due before may also wait for a late timer.
    this.#path.flush(due)
    // Timers have whole milliseconds, so this one may fire a fraction early.
    this.until(Math.max(due, machineTime()))
  }
}

/** A real backend at the end of the path, on a port of this machine. */
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
