import type { EventEmitter } from 'node:events'
import { Client } from 'undici'
import type { Dispatcher } from 'undici'
import type { Duplex } from 'node:stream'
import { MemoryDuplex } from './memory-duplex.js'
import { lowered } from './outcome.js'
import type { Asked, Oracle, Outcome, ReadMessage } from './outcome.js'

/** undici's Client: llhttp in WebAssembly, with the rules of undici added. */
export const undiciClient: Oracle = {
  name: 'undici',
  async read (pieces, end, asked) {
    const duplex = new MemoryDuplex(pieces, end)
    const reading = new Reading()
    const client = clientOver(duplex)
    // Its types lack this event; without a listener it ends the process.
    ;(client as EventEmitter).on('error', () => {})
    client.dispatch(requestFor(asked), reading as unknown as Dispatcher.DispatchHandler)
    await Promise.race([duplex.settled, reading.over])
    const outcome = reading.outcome
    client.destroy().catch(() => {})
    duplex.destroy()
    return outcome
  }
}

function clientOver (duplex: MemoryDuplex): Client {
  // The Client does not expect a synchronous callback.
  const connect = (_options: unknown, callback: (error: null, socket: Duplex) => void): void => queueMicrotask(() => callback(null, duplex))
  return new Client('http://oracle.test', { connect: connect as never, maxHeaderSize: 16_384, headersTimeout: 0, bodyTimeout: 0 })
}

function requestFor ({ method, upgrade }: Asked): Dispatcher.DispatchOptions {
  const options: Dispatcher.DispatchOptions = { method: method as Dispatcher.HttpMethod, path: '/', reset: false }
  return upgrade === true ? { ...options, upgrade: 'websocket' } : options
}

class Reading {
  readonly over: Promise<void>
  readonly #before: ReadMessage[] = []
  #head: { status: number, lines: string[] } | undefined
  #body = ''
  #trailers: string[] = []
  #whole = false
  #upgraded = false
  #refused: string | undefined
  #done: () => void = () => {}

  constructor () {
    this.over = new Promise(resolve => { this.#done = resolve })
  }

  get outcome (): Outcome {
    const messages = [...this.#before]
    if (this.#head !== undefined) {
      messages.push({ ...this.#head, body: this.#body, trailers: this.#trailers, upgraded: this.#upgraded, whole: this.#whole, keepAlive: undefined })
    }
    return { messages, refused: this.#refused }
  }

  onConnect (): void {}

  onHeaders (status: number, raw: Buffer[]): boolean {
    const lines = textOf(raw)
    if (status < 200) this.#before.push({ status, lines, body: '', trailers: [], upgraded: false, whole: true, keepAlive: undefined })
    else this.#head = { status, lines }
    return true
  }

  onData (chunk: Buffer): boolean {
    this.#body += chunk.toString('latin1')
    return true
  }

  onComplete (trailers: Buffer[] | null): void {
    this.#trailers = textOf(trailers ?? [])
    this.#whole = true
    this.#done()
  }

  onUpgrade (status: number, raw: Buffer[], socket: Duplex): void {
    this.#head = { status, lines: textOf(raw) }
    this.#upgraded = true
    this.#whole = true
    // The rest of the bytes; the duplex's `settled` tells when all have come.
    socket.on('data', (chunk: Buffer) => { this.#body += chunk.toString('latin1') })
  }

  onError (error: Error): void {
    if (this.#whole) return
    this.#refused = error.message === '' ? error.name : error.message
    this.#done()
  }
}

function textOf (raw: readonly Buffer[]): string[] {
  return lowered(raw.map(bytes => bytes.toString('latin1')))
}
