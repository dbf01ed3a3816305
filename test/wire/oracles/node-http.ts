import { request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { MemoryDuplex } from './memory-duplex.js'
import { lowered } from './outcome.js'
import type { Asked, Oracle, Outcome, ReadMessage } from './outcome.js'

/** Node's client: llhttp in C, with the rules of node:http added. */
export const nodeClient: Oracle = {
  name: 'node:http',
  async read (pieces, end, asked) {
    const duplex = new MemoryDuplex(pieces, end)
    const reading = new Reading()
    const request = ask(duplex, asked)
    reading.follow(request)
    request.end()
    await Promise.race([duplex.settled, reading.over])
    const outcome = reading.outcome
    duplex.destroy()
    request.destroy()
    return outcome
  }
}

function ask (duplex: MemoryDuplex, { method, upgrade }: Asked): ClientRequest {
  const headers = upgrade === true ? { connection: 'upgrade', upgrade: 'websocket' } : {}
  return httpRequest({ method, path: '/', headers, createConnection: () => duplex, maxHeaderSize: 16_384, insecureHTTPParser: false })
}

class Reading {
  readonly over: Promise<void>
  readonly #before: ReadMessage[] = []
  #response: IncomingMessage | undefined
  #body = ''
  #whole = false
  #upgraded = false
  #refused: string | undefined
  #done: () => void = () => {}

  constructor () {
    this.over = new Promise(resolve => { this.#done = resolve })
  }

  get outcome (): Outcome {
    const messages = [...this.#before]
    if (this.#response !== undefined) {
      messages.push({
        status: this.#response.statusCode!,
        lines: lowered(this.#response.rawHeaders),
        body: this.#body,
        trailers: lowered(this.#response.rawTrailers),
        upgraded: this.#upgraded,
        whole: this.#whole,
        keepAlive: undefined
      })
    }
    return { messages, refused: this.#refused }
  }

  follow (request: ClientRequest): void {
    request.on('error', error => this.#fail(error))
    request.on('information', ({ statusCode, rawHeaders }) => {
      this.#before.push({ status: statusCode, lines: lowered(rawHeaders), body: '', trailers: [], upgraded: false, whole: true, keepAlive: undefined })
    })
    const handed = (response: IncomingMessage, socket: Duplex, head: Buffer): void => {
      // Node also reads what comes after a whole response.
      if (this.#response !== undefined) return
      this.#response = response
      this.#upgraded = true
      this.#whole = true
      this.#take(head)
      socket.on('data', (chunk: Buffer) => this.#take(chunk)).on('error', () => {})
    }
    request.on('upgrade', handed)
    request.on('connect', handed)
    request.on('response', response => {
      this.#response = response
      response.on('data', (chunk: Buffer) => this.#take(chunk))
      response.on('error', error => this.#fail(error))
      response.on('end', () => {
        this.#whole = response.complete
        this.#done()
      })
    })
  }

  #take (chunk: Buffer): void {
    this.#body += chunk.toString('latin1')
  }

  #fail (error: Error): void {
    // Unreadable bytes after a whole response are no part of it, and its body may not have been delivered yet.
    if (this.#whole || this.#response?.complete === true) return
    this.#refused = error.message
    this.#done()
  }
}
