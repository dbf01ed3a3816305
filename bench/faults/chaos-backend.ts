import { setTimeout as wait } from 'node:timers/promises'
import { Backend, type BackendConnection, type BackendRequest } from '../../testing/backend.js'
import { chaosBody } from './chaos-body.js'
import type { Execution, Ledger } from '../instruments/ledger.js'

/** Faults of a backend. */
export const FAULTS = ['rst', 'fin', 'stall', 'restart', 'freeze', 'inject', 'throttle', 'refused'] as const
export type Fault = typeof FAULTS[number]

const STALL_MS = 2500
const FREEZE_MS = 2500
const THROTTLE_MS = 1500
const RESTART_MS = 300
const REFUSED_MS = 2000
/** How many responses a `fin` or an `inject` spoils. */
const SPOILED = 12
const THROTTLED_PIECE = 4096
const GARBAGE = Buffer.from('\0\x01 not HTTP at all \r\n\r\n', 'latin1')
// A valid response, so that a careless gateway would give it to the next client.
const UNASKED = Buffer.from('HTTP/1.1 200 OK\r\nX-Id: unasked\r\nContent-Length: 7\r\n\r\nunasked')

/** A backend that answers each request by its id until a fault strikes it, and records everything in the ledger. */
export class ChaosBackend {
  readonly name: string
  readonly backend: Backend
  readonly #ledger: Ledger
  readonly #random: () => number
  /** Requests under way, by connection. */
  readonly #busy = new Set<BackendConnection>()
  #cuts = 0
  #injections = 0
  #stalledUntil = 0
  #frozenUntil = 0
  #throttledUntil = 0

  constructor (name: string, ledger: Ledger, random: () => number) {
    this.name = name
    this.#ledger = ledger
    this.#random = random
    this.backend = new Backend({
      onConnection: (connection) => { if (performance.now() < this.#frozenUntil) connection.socket.pause() },
      onRequest: (request, connection) => this.#answer(request, connection)
    }, {})
  }

  /** Starts a fault. Faults that last end by themselves. */
  async suffer (fault: Fault): Promise<void> {
    const now = performance.now()
    switch (fault) {
      case 'rst':
        this.#each((connection) => connection.reset())
        return
      case 'fin':
        this.#cuts = SPOILED
        return
      case 'stall':
        this.#stalledUntil = now + STALL_MS
        return
      case 'freeze':
        this.#frozenUntil = now + FREEZE_MS
        this.#each((connection) => connection.socket.pause())
        await wait(FREEZE_MS)
        this.#each((connection) => connection.socket.resume())
        return
      case 'inject':
        this.#injections = SPOILED
        this.#each((connection) => { if (!this.#busy.has(connection)) connection.write(GARBAGE) })
        return
      case 'throttle':
        this.#throttledUntil = now + THROTTLE_MS
        return
      case 'restart':
        return await this.#away(RESTART_MS)
      case 'refused':
        return await this.#away(REFUSED_MS)
    }
  }

  /** Ends all connections, as a server does that stops. */
  endAll (): void {
    this.#each((connection) => connection.end())
  }

  async #away (ms: number): Promise<void> {
    this.backend.refuse()
    this.#each((connection) => this.#random() < 0.5 ? connection.end() : connection.reset())
    await wait(ms)
    await this.backend.listen()
  }

  #each (act: (connection: BackendConnection) => void): void {
    for (const connection of this.backend.connections) if (!connection.socket.destroyed) act(connection)
  }

  async #answer (request: BackendRequest, connection: BackendConnection): Promise<void> {
    const id = request.header('x-id') ?? ''
    const execution: Execution = { backend: this.name, at: performance.now(), nth: request.nth }
    this.#ledger.executed(id, execution)
    this.#busy.add(connection)
    await this.#respond(id, request.method === 'HEAD', connection, execution)
    this.#busy.delete(connection)
  }

  async #respond (id: string, head: boolean, connection: BackendConnection, execution: Execution): Promise<void> {
    const send = (bytes: Buffer): void => {
      if (bytes.length > 0 && !connection.socket.destroyed && !connection.closedByBackend) execution.answeredAt ??= performance.now()
      if (!connection.closedByBackend) connection.write(bytes)
    }
    const { bytes, chunkAt } = responseTo(id, head)
    if (performance.now() < this.#stalledUntil) {
      // Some requests stall before their answer, some in the middle of it.
      execution.fault = 'stall'
      if (this.#random() < 0.3) send(bytes.subarray(0, bytes.length >> 1))
      return
    }
    if (this.#cuts > 0) {
      this.#cuts--
      const at = Math.floor(this.#random() * bytes.length)
      execution.fault = `fin at ${at} of ${bytes.length}`
      send(bytes.subarray(0, at))
      connection.end()
      return
    }
    if (this.#injections > 0) {
      this.#injections--
      execution.fault = 'inject'
      const where = chunkAt === undefined ? bytes.length : chunkAt
      send(Buffer.concat([bytes.subarray(0, where), where === bytes.length ? UNASKED : GARBAGE, bytes.subarray(where)]))
      return
    }
    if (performance.now() < this.#throttledUntil) {
      execution.fault = 'throttle'
      for (let at = 0; at < bytes.length && !connection.socket.destroyed; at += THROTTLED_PIECE) {
        send(bytes.subarray(at, at + THROTTLED_PIECE))
        await wait(5)
      }
      return
    }
    // Some answers take a while, so that faults strike requests under way.
    if (this.#random() < 0.3) await wait(this.#random() * 20)
    send(bytes)
  }
}

/** The right answer to a request, and where its second chunk begins if there is one. */
function responseTo (id: string, head: boolean): { bytes: Buffer, chunkAt: number | undefined } {
  const { body, chunked } = chaosBody(id)
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`
  const start = Buffer.from(`HTTP/1.1 200 OK\r\nX-Id: ${id}\r\n${framing}\r\n\r\n`)
  if (head) return { bytes: start, chunkAt: undefined }
  if (!chunked) return { bytes: Buffer.concat([start, body]), chunkAt: undefined }
  const half = (body.length >> 1) + 1
  const first = [start, chunk(body.subarray(0, half))]
  const bytes = Buffer.concat([...first, chunk(body.subarray(half)), Buffer.from('0\r\n\r\n')])
  return { bytes, chunkAt: first.reduce((sum, { length }) => sum + length, 0) }
}

function chunk (bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}
