import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { EventEmitter, once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { readQuestion, writeResponse, type DnsQuestion, type DnsRecord, type DnsResponse, type RecordType } from './dns-message.js'

/** What the server does with a question: an answer, or nothing at all. `truncated` holds for UDP alone, as truncation is. */
export type DnsScript = (Partial<DnsResponse> & { readonly silent?: undefined }) | { readonly silent: true }

/** A name server on one port of loopback, UDP and TCP. What it has no records of does not exist. */
export class DnsServer {
  /** Questions so far: `A users tcp`. */
  readonly asked: string[] = []
  readonly #udp: UdpSocket
  readonly #tcp: Server
  readonly #sockets = new Set<Socket>()
  readonly #records = new Map<string, readonly DnsRecord[]>()
  readonly #scripts = new Map<string, () => DnsScript>()
  readonly #changes = new EventEmitter()

  constructor (udp: UdpSocket, tcp: Server) {
    this.#udp = udp
    this.#tcp = tcp
    udp.on('message', (message, { port, address }) => {
      const response = this.#answer(readQuestion(message), 'udp')
      if (response !== undefined) udp.send(response, port, address)
    })
    tcp.on('connection', socket => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      socket.on('error', () => {})
      let held = Buffer.alloc(0)
      socket.on('data', (bytes: Buffer) => {
        held = Buffer.concat([held, bytes])
        while (held.length > 2 && held.length >= held.readUInt16BE(0) + 2) {
          const response = this.#answer(readQuestion(held.subarray(2)), 'tcp')
          held = held.subarray(held.readUInt16BE(0) + 2)
          if (response === undefined) continue
          const length = Buffer.alloc(2)
          length.writeUInt16BE(response.length)
          socket.write(Buffer.concat([length, response]))
        }
      })
    })
  }

  get address (): string { return `127.0.0.1:${this.#udp.address().port}` }

  /** Sets the records of a type of a name. @param ttl in s */
  set (name: string, type: RecordType, data: readonly string[], ttl = 60): void {
    this.#records.set(`${type} ${name}`, data.map(data => ({ name, type, data, ttl })))
  }

  /** Answers questions of a type for a name in this way; a function says how for each of them. undefined: with its records. */
  script (name: string, type: RecordType, script: DnsScript | (() => DnsScript) | undefined): void {
    if (script === undefined) this.#scripts.delete(`${type} ${name}`)
    else this.#scripts.set(`${type} ${name}`, typeof script === 'function' ? script : () => script)
  }

  /** Resolves when so many questions more have come. */
  async questions (more: number): Promise<void> {
    for (const wanted = this.asked.length + more; this.asked.length < wanted;) await once(this.#changes, 'asked')
  }

  async close (): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all([new Promise<void>(resolve => this.#udp.close(resolve)), new Promise(resolve => this.#tcp.close(resolve))])
  }

  #answer (question: DnsQuestion, over: 'udp' | 'tcp'): Buffer | undefined {
    const { name, type = 'A' } = question
    this.asked.push(`${type} ${name} ${over}`)
    this.#changes.emit('asked')
    const script = this.#scripts.get(`${type} ${name}`)?.() ?? {}
    if (script.silent) return undefined
    const records = script.records ?? this.#found(name, type)
    const code = script.code ?? (records.length > 0 || this.#exists(name) ? 'NOERROR' : 'NXDOMAIN')
    const truncated = script.truncated === true && over === 'udp'
    return writeResponse(question, { code, records: truncated ? records.slice(0, 1) : records, truncated })
  }

  /** Records of a name, and those that its CNAME leads to. */
  #found (name: string, type: RecordType): readonly DnsRecord[] {
    const [alias] = this.#records.get(`CNAME ${name}`) ?? []
    if (alias !== undefined && type !== 'CNAME') return [alias, ...this.#found(alias.data, type)]
    return this.#records.get(`${type} ${name}`) ?? []
  }

  #exists (name: string): boolean {
    return [...this.#records].some(([key, records]) => records.length > 0 && key.endsWith(` ${name}`))
  }
}

/** The caller closes it. */
export async function startDnsServer (): Promise<DnsServer> {
  for (;;) {
    const udp = createSocket('udp4')
    udp.bind(0, '127.0.0.1')
    await once(udp, 'listening')
    const tcp = createServer().listen((udp.address() as AddressInfo).port, '127.0.0.1')
    try {
      await once(tcp, 'listening')
      return new DnsServer(udp, tcp)
    } catch {
      // The port is free for UDP alone.
      udp.close()
    }
  }
}
