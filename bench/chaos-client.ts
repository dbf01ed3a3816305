import { setTimeout as wait } from 'node:timers/promises'
import { type RawClient, rawClient, type RawResponse } from '../test/support/client.js'
import { Malformed } from '../test/support/wire-input.js'
import { chaosBody } from './chaos-body.js'
import type { Entry, Ledger } from './ledger.js'

/** After this long a request that has no answer, on a connection that still stands, is lost. */
const LOST_MS = 15_000
const LARGE_UPLOAD = 100_000
const UPLOAD_PIECE = 10_000

export interface ChaosClientSetup {
  port: number
  /** Of the backends. */
  prefixes: string[]
  ledger: Ledger
  random: () => number
  nextId: () => string
  /** Whether it keeps its connection. */
  keepAlive: boolean
  signal: AbortSignal
}

interface Plan {
  entry: Entry
  upload: number
  leaves: boolean
}

/** Sends one request after another until told to stop, and checks each answer byte by byte. */
export async function chaosClient (setup: ChaosClientSetup): Promise<void> {
  const { port, keepAlive, random, signal } = setup
  let client: RawClient | undefined
  let before: Entry | undefined
  while (!signal.aborted) {
    client ??= await rawClient(port)
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

function plan ({ prefixes, ledger, random, nextId }: ChaosClientSetup, after: string | undefined): Plan {
  const path = `${prefixes[Math.floor(random() * prefixes.length)]}/`
  const chance = random()
  const method = chance < 0.45 ? 'GET' : chance < 0.55 ? 'HEAD' : chance < 0.65 ? 'DELETE' : chance < 0.95 ? 'POST' : 'PUT'
  const large = method === 'PUT' || (method === 'POST' && chance > 0.88)
  const entry = ledger.sent({ id: nextId(), method, path, replayable: !large, after })
  return { entry, upload: large ? LARGE_UPLOAD : method === 'POST' ? 100 : 0, leaves: random() < 0.03 }
}

/** Whether the connection can take another request. */
async function exchange (client: RawClient, { entry, upload, leaves }: Plan, { ledger, random }: ChaosClientSetup): Promise<boolean> {
  const head = entry.method === 'HEAD'
  const answer = client.response({ head })
  answer.catch(() => {})
  const sending = send(client, entry, upload)
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
    // What comes after an answer was asked for by nobody.
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
  const { status, body, complete } = response
  if (!complete) {
    ledger.settled(entry, 'cut off in the body')
    return false
  }
  const code = status === 200 ? '' : /"code":"HOLDFAST_ERR_(\w+)"/.exec(body.toString())?.[1] ?? (head ? 'HEAD' : 'no code')
  ledger.settled(entry, `${status} ${code}`.trimEnd())
  if (status === 200) {
    const expected = chaosBody(entry.id).body
    if (response.header('x-id') !== entry.id) ledger.violated('misdelivered', entry, `X-Id: ${response.header('x-id')}`)
    else if (!head && !body.equals(expected)) {
      const prefix = body.equals(expected.subarray(0, body.length))
      ledger.violated(prefix ? 'masked truncations' : 'misdelivered', entry, `${body.length} of ${expected.length} bytes`)
    }
  }
  return response.header('connection') !== 'close'
}

async function send (client: RawClient, { id, method, path }: Entry, upload: number): Promise<void> {
  const start = `${method} ${path} HTTP/1.1\r\nHost: bench\r\nX-Id: ${id}\r\n`
  if (upload === 0) return client.write(`${start}\r\n`)
  if (upload !== LARGE_UPLOAD) return client.write(`${start}Content-Length: ${upload}\r\n\r\n${'x'.repeat(upload)}`)
  client.write(`${start}Transfer-Encoding: chunked\r\n\r\n`)
  for (let sent = 0; sent < upload && client.socket.writable; sent += UPLOAD_PIECE) {
    client.write(`${UPLOAD_PIECE.toString(16)}\r\n${'x'.repeat(UPLOAD_PIECE)}\r\n`)
    await wait(1)
  }
  if (client.socket.writable) client.write('0\r\n\r\n')
}
