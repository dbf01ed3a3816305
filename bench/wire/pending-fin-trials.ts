import { connect, type Socket } from 'node:net'
import { machineMicroseconds } from './pending-fin-process.js'

/** After how many turns of the event loop to look, by `setImmediate`. */
export const TURNS = [0, 1, 2, 3]

/** One acquire of a connection that its backend closes at about the same time. */
export interface Trial {
  readonly id: number
  /** When, in us of the machine's clock. */
  readonly at: number
  /** After which of `TURNS` the connection's end was known; Infinity if after none. */
  seenAfter: number
}

/** Connections that lie idle until the backend closes them. Each is acquired once, at a random moment around the close. */
export class Trials {
  readonly done: Trial[] = []
  readonly #port: number
  readonly #idleMs: number
  readonly #spreadMs: number
  readonly #waiting: Array<{ id: number, socket: Socket, due: number, ended: boolean }> = []
  #lastId = 0
  #stopped = false

  constructor (port: number, idleMs: number, spreadMs: number) {
    this.#port = port
    this.#idleMs = idleMs
    this.#spreadMs = spreadMs
  }

  open (connections: number): void {
    for (let n = 0; n < connections; n++) this.#open()
  }

  /** Does what a gateway does with a request. Called from an I/O callback. */
  acquire (): void {
    const at = machineMicroseconds()
    const n = this.#waiting.findIndex(({ due }) => due <= at)
    if (n === -1) return
    const [one] = this.#waiting.splice(n, 1)
    const trial: Trial = { id: one!.id, at, seenAfter: one!.ended ? 0 : Infinity }
    const look = (turns: number): void => {
      if (turns > TURNS.at(-1)! || trial.seenAfter === 0) {
        this.done.push(trial)
        one!.socket.destroy()
        if (!this.#stopped) this.#open()
        return
      }
      setImmediate(() => {
        if (one!.ended && trial.seenAfter === Infinity) trial.seenAfter = turns
        look(turns + 1)
      })
    }
    look(1)
  }

  stop (): void {
    this.#stopped = true
    for (const { socket } of this.#waiting.splice(0)) socket.destroy()
  }

  #open (): void {
    const id = ++this.#lastId
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true, onread: { buffer: READ, callback: () => true } })
    const one = { id, socket, due: Infinity, ended: false }
    socket.on('error', () => { one.ended = true })
    socket.on('end', () => { one.ended = true })
    socket.once('connect', () => {
      socket.write(String(id))
      one.due = machineMicroseconds() + (this.#idleMs + (Math.random() * 2 - 1) * this.#spreadMs) * 1000
    })
    this.#waiting.push(one)
  }
}

const READ = Buffer.alloc(1024)
