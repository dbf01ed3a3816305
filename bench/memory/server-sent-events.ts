import { setTimeout as wait } from 'node:timers/promises'
import { Backend, type BackendConnection } from '../../testing/backend.js'
import { type RawClient, rawClient } from '../../testing/client.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { startGateway } from '../instruments/gateway.js'
import { printTable, type Row } from '../instruments/table.js'

// Event streams through the gateway: how long an event takes, whether a stream outlives its silence, and how soon the backend's connection
// ends after its client left. Backend and clients share a process, and so a clock.

const STREAMS = 50
const EVENTS = quick ? 30 : 100
const EVENT_EVERY = 100
const MOST_DELAY = 50
const MOST_UNTIL_FREED = 1000
// A stream may be silent for longer than the body timeout.
const BODY_TIMEOUT = 1000
const SILENCE = 2500

const bounds = new Bounds()
printTable(`${STREAMS} streams, ${EVENTS} events each; ms`, [
  await measure('chunked, clients leave by FIN', { chunked: true, leave: (client) => client.socket.end() }),
  await measure('chunked, clients leave by RST', { chunked: true, leave: (client) => client.destroy() }),
  await measure('until the end, clients leave by FIN', { chunked: false, leave: (client) => client.socket.end() })
])
bounds.report()

async function measure (name: string, { chunked, leave }: { chunked: boolean, leave (client: RawClient): void }): Promise<Row> {
  const backend = new Backend((_request, connection) => {
    connection.write(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${chunked ? 'Transfer-Encoding: chunked' : 'Connection: close'}\r\n\r\n`)
  }, {})
  await backend.listen()
  const gateway = await startGateway({ upstream: backend.url, proxy: { undiciOptions: { bodyTimeout: BODY_TIMEOUT } } })
  const delays: number[] = []
  const clients: RawClient[] = []
  for (let n = 0; n < STREAMS; n++) {
    const client = await rawClient(gateway.port)
    client.write('GET /events HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n')
    let text = ''
    client.socket.on('data', (bytes: Buffer) => {
      const now = performance.now()
      text += bytes.toString('latin1')
      for (const [, at] of text.matchAll(/data: ([\d.]+)\n\n/g)) delays.push(now - Number(at))
      text = text.slice(text.lastIndexOf('\n\n') + 1)
    })
    clients.push(client)
  }
  await backend.waitFor(({ requests }) => requests === STREAMS)

  for (let n = 0; n < EVENTS; n++) {
    for (const connection of backend.connections) event(connection, chunked)
    await wait(EVENT_EVERY)
  }
  await wait(SILENCE)
  const stillOpen = backend.open
  for (const connection of backend.connections) event(connection, chunked)
  await wait(EVENT_EVERY)

  const left = performance.now()
  for (const client of clients) leave(client)
  await backend.waitFor(({ open }) => open === 0, 5000).catch(() => undefined)
  const freed = performance.now() - left
  const notFreed = backend.open
  for (const client of clients) client.destroy()
  await gateway.stop()
  await backend.close()

  delays.sort((a, b) => a - b)
  const quantile = (q: number): number => delays[Math.min(delays.length - 1, Math.floor(q * delays.length))] ?? Infinity
  const sent = STREAMS * (EVENTS + 1)
  bounds.hold(`${name}: each event arrived`, delays.length === sent, `${delays.length} of ${sent}`)
  bounds.hold(`${name}: within ${MOST_DELAY} ms`, quantile(1) <= MOST_DELAY, `${rounded(quantile(1))} ms`)
  bounds.hold(`${name}: silence of ${SILENCE} ms ends no stream`, stillOpen === STREAMS, `${stillOpen} of ${STREAMS} are open`)
  bounds.hold(`${name}: connections freed within ${MOST_UNTIL_FREED} ms of their clients' leaving`, notFreed === 0 && freed <= MOST_UNTIL_FREED, `${notFreed} open after ${rounded(freed)} ms`)
  return { streams: name, events: delays.length, median: rounded(quantile(0.5)), p99: rounded(quantile(0.99)), most: rounded(quantile(1)), 'freed after': rounded(freed) }
}

/** An event that contains its time of sending. */
function event (connection: BackendConnection, chunked: boolean): void {
  const text = `data: ${performance.now()}\n\n`
  connection.write(chunked ? `${text.length.toString(16)}\r\n${text}\r\n` : text)
}

function rounded (ms: number): number {
  return Math.round(ms * 10) / 10
}
