import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { setTimeout as wait } from 'node:timers/promises'
import { type ChaosClientSetup, judge, plan, type Plan } from './chaos-client.js'

const LOST_MS = 15_000
const UPLOAD_PIECE = 10_000
/** How many requests a session has under way at once. */
const STREAMS = 3

/**
 * A client with one session at a time. It sends several requests at once, and checks each answer byte by byte. Sometimes it ends the
 * session under them.
 */
export async function chaosHttp2Client (setup: Omit<ChaosClientSetup, 'keepAlive'>): Promise<void> {
  const { port, random, signal } = setup
  while (!signal.aborted) {
    const session = connect(`http://127.0.0.1:${port}`)
    session.on('error', () => {})
    await Promise.all(Array.from({ length: STREAMS }, async () => {
      while (!signal.aborted && !session.closed && !session.destroyed) {
        await exchange(session, plan(setup, undefined), setup)
        if (random() < 0.01) session.destroy()
        await wait(random() * 30)
      }
    }))
    session.destroy()
  }
}

async function exchange (session: ClientHttp2Session, { entry, upload, pause, leaves }: Plan, { ledger, random }: Omit<ChaosClientSetup, 'keepAlive'>): Promise<void> {
  const head = entry.method === 'HEAD'
  const stream = session.request({ ':method': entry.method, ':path': entry.path, 'x-id': entry.id }, { endStream: upload === 0 })
  let status: number | undefined
  let id: string | undefined
  const chunks: Buffer[] = []
  stream.on('response', headers => {
    status = headers[':status']
    id = headers['x-id'] as string | undefined
  })
  stream.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => {})
  const closed = new Promise<void>(resolve => stream.once('close', () => resolve()))
  let left = false
  let lost = false
  const leaving = setTimeout(() => {
    left = true
    stream.close(constants.NGHTTP2_CANCEL)
  }, random() * 30)
  if (!leaves) clearTimeout(leaving)
  const losing = setTimeout(() => {
    lost = true
    stream.close(constants.NGHTTP2_CANCEL)
  }, LOST_MS)
  for (let sent = 0; sent < upload && stream.writable; sent += UPLOAD_PIECE) {
    stream.write('x'.repeat(Math.min(UPLOAD_PIECE, upload - sent)))
    await wait(pause)
  }
  if (upload > 0 && stream.writable) stream.end()
  await closed
  clearTimeout(leaving)
  clearTimeout(losing)
  // A request without an outcome is lost.
  if (lost) return
  // A client that ends its own session gets no further event for its requests.
  if (left || session.destroyed) ledger.settled(entry, 'left')
  else if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || status === undefined) ledger.settled(entry, status === undefined ? 'cut off' : 'cut off in the body')
  else judge(ledger, entry, { status, body: Buffer.concat(chunks), id }, head)
}
