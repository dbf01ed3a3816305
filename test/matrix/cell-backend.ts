import { answer } from '../../testing/answer.js'
import { startBackend } from '../../testing/backend.js'
import type { Backend, BackendConnection, BackendRequestHead } from '../../testing/backend.js'
import { RESPONSE_PIECE, RESPONSE_SIZE } from './cell.js'
import { Gate } from './gate.js'

// While a backend refuses, another process may get its port. So each backend has its own loopback address, if the system has enough.
const HOST = process.platform === 'linux' ? `127.${1 + (process.pid >> 16) % 254}.${(process.pid >> 8) % 256}.${process.pid % 256}` : '127.0.0.1'

type Sent = 'nothing' | 'head' | 'piece' | 'all'

/** The backend of a cell: it stops where the cell stops, and answers everything else at once. */
export class CellBackend {
  /** Gates of the cell's request, and of the two requests that may keep it waiting. */
  readonly arrived = new Gate()
  readonly first = new Gate()
  readonly block = new Gate()
  /** Called in place of an answer, each time the cell's request comes. */
  onArrival: ((connection: BackendConnection) => void) | undefined
  /** How often the cell's request has come. */
  arrivals = 0
  connection: BackendConnection | undefined
  readonly #chunked: boolean
  readonly #says: string
  readonly #free = new Gate()
  #backend: Backend | undefined
  #sent: Sent = 'nothing'

  private constructor (chunked: boolean, says: string) {
    this.#says = says
    this.#chunked = chunked
  }

  static async start ({ chunked = false, says = '' }: { chunked?: boolean | undefined, says?: string | undefined }): Promise<CellBackend> {
    const cell = new CellBackend(chunked, says)
    cell.#backend = await startBackend({
      onHead: (head, connection) => cell.#head(head, connection),
      onRequest: async (request, connection) => {
        if (request.path.startsWith('/first')) await cell.first.pass()
        else if (request.path.startsWith('/block')) await cell.block.pass()
        else if (request.path.startsWith('/cell')) return await cell.#finish(connection)
        if (!connection.socket.destroyed && !connection.closedByBackend) answer(request, connection)
      }
    }, { host: HOST })
    return cell
  }

  get server (): Backend {
    return this.#backend!
  }

  /** Sends the head of the response when the request has come. */
  async sendHead (): Promise<void> {
    await this.arrived.reached
    if (this.#sent !== 'nothing') return
    this.#sent = 'head'
    this.connection?.write(`HTTP/1.1 200 OK\r\nContent-Type: text/x-cell\r\n${this.#says}${this.#chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${RESPONSE_SIZE}`}\r\n\r\n`)
  }

  async sendPiece (): Promise<void> {
    await this.sendHead()
    if (this.#sent !== 'head') return
    this.#sent = 'piece'
    this.connection?.write(this.#chunk(RESPONSE_PIECE))
  }

  /** Sends a whole response before the request is read. */
  async sendInstead (bytes: string): Promise<void> {
    await this.arrived.reached
    this.#sent = 'all'
    this.connection?.write(bytes)
  }

  /** From now on the backend answers a request when it is whole. */
  free (): void {
    this.first.open()
    this.block.open()
    this.#free.open()
  }

  async close (): Promise<void> {
    this.free()
    await this.server.close()
  }

  #head (head: BackendRequestHead, connection: BackendConnection): void {
    if (!head.path.startsWith('/cell')) return
    this.arrivals++
    // A request that comes again gets an ordinary answer.
    if (connection !== this.connection) this.#sent = 'nothing'
    this.connection = connection
    this.arrived.mark()
    this.onArrival?.(connection)
  }

  async #finish (connection: BackendConnection): Promise<void> {
    await this.#free.pass()
    if (connection !== this.connection || connection.socket.destroyed || connection.closedByBackend || this.#sent === 'all') return
    await this.sendPiece()
    this.#sent = 'all'
    connection.write(this.#chunk(RESPONSE_SIZE - RESPONSE_PIECE))
    if (this.#chunked) connection.write('0\r\n\r\n')
  }

  #chunk (size: number): string {
    const bytes = 'y'.repeat(size)
    return this.#chunked ? `${size.toString(16)}\r\n${bytes}\r\n` : bytes
  }
}
