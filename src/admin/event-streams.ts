import type { ServerResponse } from 'node:http'
import type { CloseReason, ConnectionObserver, ConnectionView, EndpointChange, Persistence, Provenance } from '../connection/observer.js'
import { ignoreError } from '../errors.js'
import type { ErrorCode } from '../errors.js'
import { Refusal } from './refusal.js'

/** The most readers at once: enough for the pages that people have open, and too few to use up the gateway's sockets. */
const MAX_STREAMS = 16
/** How much may wait for a reader, in bytes. A reader that does not read is dropped. */
const MAX_BUFFERED = 1_048_576
/** The most events sent between two snapshots. Of further ones only their number is sent. */
const MAX_EVENTS = 500
/** Between two snapshots, in ms. */
const INTERVAL = 1_000

/** Where the events and snapshots come from. */
export interface EventSource {
  /** Calls an observer for every connection. Returns a function that removes it. */
  observe (observer: ConnectionObserver): () => void
  /** The data of the event `snapshot`. */
  snapshot (): object
}

/**
 * Streams of server-sent events about connections. All readers get the same events. Without readers, nothing is observed and no timer runs.
 */
export class EventStreams implements ConnectionObserver {
  readonly #source: EventSource
  readonly #interval: number
  readonly #streams = new Set<ServerResponse>()
  #unobserve: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #waiting = ''
  #events = 0
  #skipped = 0

  /** @param interval between two snapshots, in ms */
  constructor (source: EventSource, interval = INTERVAL) {
    this.#source = source
    this.#interval = interval
  }

  get size (): number { return this.#streams.size }

  /** Makes the response a stream, which begins with a snapshot. Throws a Refusal where there are too many streams. */
  add (response: ServerResponse, headers: Readonly<Record<string, string>>): void {
    if (this.#streams.size >= MAX_STREAMS) throw new Refusal(503, 'HOLDFAST_ADMIN_STREAMS', `${MAX_STREAMS} readers of events are as many as there may be`)
    response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' })
    response.on('error', ignoreError)
    response.once('close', () => this.#remove(response))
    this.#streams.add(response)
    if (this.#streams.size === 1) this.#start()
    response.write(eventText('snapshot', this.#source.snapshot()))
  }

  /** Ends all streams. */
  end (): void {
    this.#flush()
    for (const response of this.#streams) {
      this.#remove(response)
      response.end()
    }
  }

  opened (connection: ConnectionView, connectMs: number): void {
    this.#tell('opened', { target: connection.target, endpoint: connection.endpoint, connection: connection.id, connectMs })
  }

  closed (connection: ConnectionView, reason: CloseReason, idleMs: number | undefined): void {
    const { target, endpoint, id, served, age } = connection
    this.#tell('closed', { target, endpoint, connection: id, reason, idleMs: idleMs ?? null, served, age })
  }

  persistenceChanged (target: string, from: Persistence, to: Persistence, cause: string, endpoint: string): void {
    this.#tell('persistence', { target, endpoint, from, to, cause })
  }

  endpointChanged (target: string, { endpoint, address, from, to, cause }: EndpointChange): void {
    this.#tell('endpoint', { target, endpoint, address, from: from ?? null, to, cause })
  }

  endpointDrained (target: string, endpoint: string, address: string): void {
    this.#tell('endpoint-drained', { target, endpoint, address })
  }

  rejected (target: string, code: ErrorCode, provenance: Provenance): void {
    this.#tell('failure', { target, code, provenance })
  }

  dialFailed (target: string, code: string, ms: number, endpoint: string): void {
    this.#tell('dial-failed', { target, endpoint, code, ms })
  }

  #start (): void {
    this.#unobserve = this.#source.observe(this)
    this.#timer = setInterval(() => this.#tick(), this.#interval).unref()
  }

  #remove (response: ServerResponse): void {
    this.#streams.delete(response)
    if (this.#streams.size > 0) return
    this.#unobserve?.()
    clearInterval(this.#timer)
    this.#waiting = ''
    this.#events = this.#skipped = 0
  }

  #tick (): void {
    if (this.#skipped > 0) this.#queue(eventText('skipped', { count: this.#skipped }))
    this.#events = this.#skipped = 0
    this.#queue(eventText('snapshot', this.#source.snapshot()))
  }

  #tell (event: string, data: object): void {
    if (this.#events >= MAX_EVENTS) {
      this.#skipped++
      return
    }
    this.#events++
    this.#queue(eventText(event, { at: Date.now(), ...data }))
  }

  // The pool calls observers in the middle of its work. The events of one turn of the event loop are written together, after it.
  #queue (text: string): void {
    if (this.#waiting === '') setImmediate(() => this.#flush())
    this.#waiting += text
  }

  #flush (): void {
    const text = this.#waiting
    this.#waiting = ''
    if (text === '') return
    for (const response of this.#streams) {
      // Checked before the write: one snapshot of many targets may be longer than the limit.
      if (response.writableLength > MAX_BUFFERED) response.destroy()
      else response.write(text)
    }
  }
}

function eventText (event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
