import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { connect as connectSecurely, createSecureContext } from 'node:tls'
import { seededRandom } from '../../testing/random.js'
import { usageOf } from '../instruments/process-usage.js'
import type { SteadyLoad, SteadyResult } from './steady-clients.js'

// The child process: gets one load after another over IPC. It does little work, since it shares the machine with what is measured.

// Leaves time for what the other side does after the last byte, such as closing connections and collecting garbage.
const SETTLE = 50
const LONGEST = 5_000
let lastId = 0

process.on('message', (load: SteadyLoad) => { run(load).then((result) => process.send?.(result)) })
process.once('disconnect', () => process.exit())

async function run ({ url, ca, rate, seconds, seed, keepAlive, pids }: SteadyLoad): Promise<SteadyResult> {
  const dial = dialer(new URL(url), ca)
  const random = seededRandom(seed)
  const took: number[] = []
  const wrong: Record<string, number> = {}
  const kept: Client[] = keepAlive === undefined ? [] : await Promise.all(Array.from({ length: keepAlive }, async () => await opened(dial)))
  await wait(SETTLE)
  const before = pids.map((pid) => usageOf(pid).cpu)

  const requests = Math.round(rate * seconds)
  const under = new Set<Promise<void>>()
  let due = performance.now()
  for (let n = 0; n < requests; n++) {
    due += -Math.log(1 - random()) * 1000 / rate
    const pause = due - performance.now()
    // Timers are not more precise.
    if (pause > 0.5) await wait(pause)
    const sent = send().catch((error: NodeJS.ErrnoException) => {
      const what = error.code ?? error.message
      wrong[what] = (wrong[what] ?? 0) + 1
    }).finally(() => under.delete(sent))
    under.add(sent)
  }
  await Promise.all(under)
  await wait(SETTLE)

  const cpu = pids.map((pid, i) => usageOf(pid).cpu - before[i]!)
  for (const client of kept) client.socket.destroy()
  took.sort((a, b) => a - b)
  const quantile = (q: number): number => took[Math.min(took.length - 1, Math.floor(q * took.length))] ?? NaN
  return { requests, wrong, cpu, p50: quantile(0.5), p99: quantile(0.99) }

  async function send (): Promise<void> {
    const began = performance.now()
    if (keepAlive === undefined) {
      const client = new Client(dial())
      await client.ask(true)
      took.push(performance.now() - began)
      await client.closed
      return
    }
    // The client that was silent for longest is next. All may be waiting for an answer.
    let client = kept.shift()
    while (client?.socket.destroyed === true) client = kept.shift()
    client ??= new Client(dial())
    await client.ask(false)
    took.push(performance.now() - began)
    kept.push(client)
  }
}

/** One connection and its answers. */
class Client {
  readonly socket: Socket
  readonly closed: Promise<void>
  #input = ''
  #waiting: { id: string, resolve (): void, reject (error: Error): void } | undefined

  constructor (socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1').setNoDelay(true)
    socket.on('data', (text: string) => {
      this.#input += text
      this.#read()
    })
    let failed = new Error('closed early')
    socket.on('error', (error) => { failed = error })
    socket.setTimeout(LONGEST, () => { if (this.#waiting !== undefined) socket.destroy(new Error('no answer')) })
    this.closed = new Promise((resolve) => socket.once('close', () => {
      this.#waiting?.reject(failed)
      resolve()
    }))
  }

  /** Rejects unless the answer is 200 and names this request. */
  async ask (last: boolean): Promise<void> {
    const id = String(++lastId)
    await new Promise<void>((resolve, reject) => {
      this.#waiting = { id, resolve, reject }
      this.socket.write(`GET / HTTP/1.1\r\nHost: bench\r\nX-Id: ${id}\r\n${last ? 'Connection: close\r\n' : ''}\r\n`)
    })
  }

  #read (): void {
    const bodyAt = this.#input.indexOf('\r\n\r\n') + 4
    if (bodyAt < 4) return
    const length = Number(/^content-length: (\d+)/im.exec(this.#input)?.[1])
    if (this.#input.length < bodyAt + length) return
    const answer = this.#input
    this.#input = ''
    const waiting = this.#waiting
    this.#waiting = undefined
    if (answer.startsWith('HTTP/1.1 200') && answer.includes(`"id":"${waiting?.id}"`)) waiting?.resolve()
    else waiting?.reject(new Error(`answered ${answer.slice(9, 12)}`))
  }
}

function dialer ({ protocol, hostname, port }: URL, ca: string | undefined): () => Socket {
  const to = { host: hostname, port: Number(port) }
  if (protocol === 'http:') return () => connect(to)
  const secureContext = createSecureContext({ ca })
  return () => connectSecurely({ ...to, secureContext })
}

async function opened (dial: () => Socket): Promise<Client> {
  const client = new Client(dial())
  await client.ask(false)
  return client
}
