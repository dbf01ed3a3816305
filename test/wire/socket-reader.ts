import type { AddressInfo, Socket } from 'node:net'
import { connect as connectPlain, createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { TlsOptions } from 'node:tls'
import type { Test } from 'tap'
import { createDialer } from '../../src/connection/dial.js'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import type { ConnectFunction } from '../../src/options/connect-types.js'
import type { ConnectOptions } from '../../src/options/option-types.js'
import type { BackendSocket, SocketReader } from '../../src/wire/backend-socket.js'
import { certificates } from '../../testing/certificates.js'

type Scope = Pick<Test, 'teardown'>

/** Records a socket's calls in order; pieces of one kind in a row are joined. */
export class Noted implements SocketReader {
  readonly told: string[] = []
  readonly socket: BackendSocket
  text = ''
  /** Called at each read. */
  reads: ((text: string) => void) | undefined
  #look: (() => void) | undefined

  constructor (socket: BackendSocket) {
    this.socket = socket
    socket.reader = this
  }

  onRead (bytes: Buffer, length: number): void {
    const text = bytes.toString('latin1', 0, length)
    this.text += text
    if (this.told.at(-1) !== 'read') this.told.push('read')
    this.reads?.(text)
    this.#look?.()
  }

  onEnd (): void { this.#note('end') }
  onClose (): void { this.#note('close') }
  onDrain (): void { this.#note('drain') }
  onWriteFailed (): void { this.#note('write failed') }

  /** Resolves when `holds` returns true. It is called again after each call. */
  async until (holds: () => boolean): Promise<void> {
    if (holds()) return
    await new Promise<void>(resolve => {
      this.#look = () => { if (holds()) resolve() }
    })
    this.#look = undefined
  }

  async untilTold (what: string): Promise<void> {
    await this.until(() => this.told.includes(what))
  }

  #note (what: string): void {
    this.told.push(what)
    this.#look?.()
  }
}

export interface Listening {
  readonly port: number
  readonly url: URL
  /** The next accepted socket. */
  accepted (): Promise<Socket>
}

/** A server that does nothing by itself, over TLS if it gets a certificate. It ends with its test. */
export async function serverFor (t: Scope, { tls, path }: { tls?: TlsOptions, path?: string } = {}): Promise<Listening> {
  const sockets: Socket[] = []
  const waiting: Array<(socket: Socket) => void> = []
  const raw = new Set<Socket>()
  const onSocket = (socket: Socket): void => {
    socket.on('error', () => {})
    const next = waiting.shift()
    if (next === undefined) sockets.push(socket)
    else next(socket)
  }
  const server = tls === undefined ? createServer({ allowHalfOpen: true }, onSocket) : createTlsServer({ allowHalfOpen: true, ...tls }, onSocket)
  server.on('connection', (socket: Socket) => raw.add(socket))
  await new Promise<void>(resolve => {
    if (path === undefined) server.listen(0, '127.0.0.1', resolve)
    else server.listen(path, resolve)
  })
  t.teardown(() => {
    for (const socket of raw) socket.destroy()
    server.close()
  })
  const { port } = path === undefined ? server.address() as AddressInfo : { port: 0 }
  return {
    port,
    url: new URL(path === undefined ? `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}` : 'http://localhost'),
    accepted: async () => sockets.shift() ?? await new Promise(resolve => waiting.push(resolve))
  }
}

export interface To {
  readonly connect?: ConnectOptions | ConnectFunction
  readonly socketPath?: string
  readonly clock?: () => number
}

/** Dials a URL, and trusts the tests' certificates. The sockets end with the test. */
export function dialerFor (t: Scope, url: URL, { connect = {}, socketPath, clock = () => performance.now() }: To = {}): () => Promise<BackendSocket> {
  const { undiciOptions } = resolveTargetOptions({}, {
    undiciOptions: { connect: typeof connect === 'function' ? connect : { ca: certificates().ca, ...connect }, ...socketPath === undefined ? {} : { socketPath } }
  })
  const dial = createDialer(url, undiciOptions, clock)
  return async () => await new Promise((resolve, reject) => dial((error, socket) => {
    if (error !== undefined) return reject(error)
    t.teardown(() => socket!.destroy())
    resolve(socket!)
  }))
}

/** Sockets of each kind, with the server's ends. */
export async function pairFor (t: Scope, kind: Kind): Promise<{ noted: Noted, peer: Socket }> {
  const server = await serverFor(t, kind === 'tls' ? { tls: certificates().server } : {})
  const adopt: ConnectFunction = (to, callback) => { adopted(to.port, callback) }
  const dial = dialerFor(t, server.url, kind === 'adopted' ? { connect: adopt } : {})
  const [peer, socket] = await Promise.all([server.accepted(), dial()])
  return { noted: new Noted(socket), peer }
}

export const KINDS = ['plain', 'tls', 'adopted'] as const
export type Kind = (typeof KINDS)[number]

function adopted (port: string, callback: (error: null, socket: Socket) => void): void {
  const socket = connectPlain({ port: Number(port), host: '127.0.0.1' }, () => callback(null, socket))
}
