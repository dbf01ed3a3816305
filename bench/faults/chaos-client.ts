import { setTimeout as wait } from 'node:timers/promises'
import { type RawClient, rawClient, type RawResponse } from '../../testing/client.js'
import { Malformed } from '../../testing/wire-input.js'
import { chaosBody } from './chaos-body.js'
import type { Entry, Ledger } from '../instruments/ledger.js'

/** A request without an answer for so long, on an open connection, counts as lost; in ms. */
const LOST_MS = 15_000
const LARGE_UPLOAD = 100_000
const UPLOAD_PIECE = 10_000
/** Time between two pieces of an upload, and of a slow upload, in ms. */
const UPLOAD_PAUSE = 1
const SLOW_PAUSE = 60
const PIPELINED = 3

export interface ChaosClientSetup {
  port: number
  /** The prefixes of the backends. */
  prefixes: string[]
  ledger: Ledger
  random: () => number
  nextId: () => string
  /** Whether it keeps its connection. */
  keepAlive: boolean
  signal: AbortSignal
}

export interface Plan {
  entry: Entry
  /** Size of its body, in bytes. */
  upload: number
  /** Time between two pieces of it, in ms. */
  pause: number
  leaves: boolean
}

/** Sends one request after another until the signal, and checks each answer byte by byte. */
export async function chaosClient (setup: ChaosClientSetup): Promise<void> {
  const { port, keepAlive, random, signal } = setup
  let client: RawClient | undefined
  let before: Entry | undefined
  while (!signal.aborted) {
    client ??= await rawClient(port)
    if (random() < 0.05) {
      const goesOn = await pipelined(client, setup)
      before = undefined
      if (!goesOn || !keepAlive) {
        client.destroy()
        client = undefined
      }
      continue
    }
    const planned: Plan = plan(setup, before && `${before.method} ${before.path} ${before.id}: ${before.outcome}`)
    const goesOn = await exchange(client, planned, setup)
    before = planned.entry
    if (!goesOn || !keepAlive) {
      client.destroy()
      client = before = undefined
    }
    await wait(random() * 30)
  }
  client?.destroy()
}

/** The next request of a client. */
export function plan ({ prefixes, ledger, random, nextId }: Omit<ChaosClientSetup, 'keepAlive'>, after: string | undefined): Plan {
  const path = `${prefixes[Math.floor(random() * prefixes.length)]}/`
  const chance = random()
  const method = chance < 0.45 ? 'GET' : chance < 0.55 ? 'HEAD' : chance < 0.65 ? 'DELETE' : chance < 0.95 ? 'POST' : 'PUT'
  const large = method === 'PUT' || (method === 'POST' && chance > 0.88)
  const entry = ledger.sent({ id: nextId(), method, path, replayable: !large, after })
  return { entry, upload: large ? LARGE_UPLOAD : method === 'POST' ? 100 : 0, pause: random() < 0.2 ? SLOW_PAUSE : UPLOAD_PAUSE, leaves: random() < 0.03 }
}

/** Sends several GETs in one write. Returns whether the connection can take another request. */
async function pipelined (client: RawClient, { prefixes, ledger, random, nextId }: ChaosClientSetup): Promise<boolean> {
  const entries = Array.from({ length: PIPELINED }, () => ledger.sent({ id: nextId(), method: 'GET', path: `${prefixes[Math.floor(random() * prefixes.length)]}/`, replayable: true }))
  client.write(entries.map(({ id, path }) => `GET ${path} HTTP/1.1\r\nHost: bench\r\nX-Id: ${id}\r\n\r\n`).join(''))
  const answers = entries.map(async () => await client.response())
  for (const answer of answers) answer.catch(() => {})
  let goesOn = true
  for (const [i, entry] of entries.entries()) {
    const timeout = new AbortController()
    try {
      const response = await Promise.race([answers[i], wait(LOST_MS, undefined, { signal: timeout.signal })])
      if (response === undefined) return false
      goesOn = settle(ledger, entry, response, false)
    } catch (error) {
      if (error instanceof Malformed) ledger.violated('malformed', entry, error.message)
      ledger.settled(entry, goesOn ? 'cut off' : 'cut off behind another')
      goesOn = false
    } finally {
      timeout.abort()
    }
  }
  return goesOn
}

/** Returns whether the connection can take another request. */
async function exchange (client: RawClient, { entry, upload, pause, leaves }: Plan, { ledger, random }: ChaosClientSetup): Promise<boolean> {
  const head = entry.method === 'HEAD'
  const answer = client.response({ head })
  answer.catch(() => {})
  const sending = send(client, entry, upload, pause)
  if (leaves) {
    await wait(random() * 30)
    client.destroy()
    await sending
    ledger.settled(entry, 'left')
    return false
  }
  const timeout = new AbortController()
  try {
    const response = await Promise.race([answer, wait(LOST_MS, undefined, { signal: timeout.signal })])
    if (response === undefined) return false
    // No request asked for bytes after the answer.
    if (client.unread.length > 0) ledger.violated('misdelivered', entry, `${client.unread.length} bytes after the answer`)
    return settle(ledger, entry, response, head)
  } catch (error) {
    if (error instanceof Malformed) ledger.violated('malformed', entry, error.message)
    ledger.settled(entry, 'cut off')
    return false
  } finally {
    timeout.abort()
    await sending
  }
}

function settle (ledger: Ledger, entry: Entry, response: RawResponse, head: boolean): boolean {
  if (response.complete) judge(ledger, entry, { status: response.status, body: response.body, id: response.header('x-id') }, head)
  else ledger.settled(entry, 'cut off in the body')
  return response.complete && response.header('connection') !== 'close'
}

/** Compares a whole answer with the right answer to its request. */
export function judge (ledger: Ledger, entry: Entry, { status, body, id }: { status: number, body: Buffer, id: string | undefined }, head: boolean): void {
  const code = status === 200 ? '' : /"code":"HOLDFAST_ERR_(\w+)"/.exec(body.toString())?.[1] ?? (head ? 'HEAD' : 'no code')
  ledger.settled(entry, `${status} ${code}`.trimEnd())
  if (status !== 200) return
  const expected = chaosBody(entry.id).body
  if (id !== entry.id) ledger.violated('misdelivered', entry, `X-Id: ${id}`)
  else if (!head && !body.equals(expected)) {
    const prefix = body.equals(expected.subarray(0, body.length))
    ledger.violated(prefix ? 'masked truncations' : 'misdelivered', entry, `${body.length} of ${expected.length} bytes`)
  }
}

async function send (client: RawClient, { id, method, path }: Entry, upload: number, pause: number): Promise<void> {
  const start = `${method} ${path} HTTP/1.1\r\nHost: bench\r\nX-Id: ${id}\r\n`
  if (upload === 0) return client.write(`${start}\r\n`)
  if (upload !== LARGE_UPLOAD) return client.write(`${start}Content-Length: ${upload}\r\n\r\n${'x'.repeat(upload)}`)
  client.write(`${start}Transfer-Encoding: chunked\r\n\r\n`)
  for (let sent = 0; sent < upload && client.socket.writable; sent += UPLOAD_PIECE) {
    client.write(`${UPLOAD_PIECE.toString(16)}\r\n${'x'.repeat(UPLOAD_PIECE)}\r\n`)
    await wait(pause)
  }
  if (client.socket.writable) client.write('0\r\n\r\n')
}
