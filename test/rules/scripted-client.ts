import { setTimeout as wait } from 'node:timers/promises'
import { rawClient } from '../../testing/client.js'
import type { RawClient, RawResponse } from '../../testing/client.js'
import { Truncated } from '../../testing/wire-input.js'
import { bytesOf, stepsOf } from './case.js'
import type { Action, Party } from './case.js'

export interface TimedResponse extends RawResponse {
  /** Time from the client's first byte until it was whole, in ms. */
  at: number
}

/** What one client connection got. */
export interface Seen {
  /** Final responses, each with the interim responses before it. */
  responses: Array<{ final: TimedResponse, interim: number[] }>
  /** Bytes after the last expected response. */
  rest: Buffer
  /** Why reading stopped early. */
  failure: string | undefined
  closed: 'fin' | 'rst' | undefined
}

const REQUEST_LINE = /^([A-Z]+) \S+ HTTP\/\d\.\d\r?$/gm
/** The longest time until a connection closes, in ms. */
const CLOSE_TIME = 3_000

/** Plays a client, which accepts only strict HTTP/1: the expected number of responses, then the expected end. */
export async function playClient (port: number, party: Party, expected: number, act: (action: Action) => Promise<void>): Promise<Seen> {
  const client = await rawClient(port)
  const seen: Seen = { responses: [], rest: Buffer.alloc(0), failure: undefined, closed: undefined }
  client.ended.then(how => { seen.closed = how })
  let received = 0
  let arrived = 0
  client.socket.on('data', chunk => { received += chunk.length })
  const methods = party.methods ?? methodsIn(party)
  let started = Infinity
  const reading = (async () => {
    for (let interim: number[] = []; seen.responses.length < expected;) {
      const response = await client.response({ head: methods[seen.responses.length] === 'HEAD' })
      arrived++
      if (response.status < 200 && response.status !== 101) {
        interim.push(response.status)
        continue
      }
      seen.responses.push({ final: { ...response, at: performance.now() - started }, interim })
      interim = []
    }
  })().catch((error: Error) => {
    seen.failure = error instanceof Truncated ? `the connection ended before response ${seen.responses.length + 1}` : String(error)
  })
  const reader = { over: false }
  const done = reading.then(() => { reader.over = true })

  for (const step of stepsOf(party.client)) {
    if (typeof step === 'string' || Buffer.isBuffer(step) || 'repeat' in step) started = Math.min(started, performance.now())
    if (typeof step === 'string' || Buffer.isBuffer(step)) client.write(bytesOf(step))
    else if ('pause' in step) await wait(step.pause)
    else if ('bytes' in step) while (received < step.bytes && seen.closed === undefined) await wait(2)
    else if ('responses' in step) while (arrived < step.responses && !reader.over) await wait(2)
    else if ('repeat' in step) await repeat(client, step)
    else if (step.do === 'fin') client.socket.end()
    else if (step.do === 'reset') client.destroy()
    else if (step.do === 'stop reading') client.socket.pause()
    else if (step.do === 'read on') client.socket.resume()
    else await act(step.do)
  }
  await done
  if (party.closed === true && seen.failure === undefined) await Promise.race([client.ended, wait(CLOSE_TIME)])
  if (party.closed === false && seen.failure === undefined) await askOnce(client, seen)
  if (party.raw !== undefined) await untilRaw(client, party.raw)
  // Unsolicited bytes come soon.
  if (party.closed === undefined && seen.closed === undefined) await wait(5)
  seen.rest = Buffer.from(client.unread)
  client.destroy()
  return seen
}

async function repeat ({ socket }: RawClient, { repeat, times, every }: { repeat: string | Buffer, times: number, every?: number }): Promise<void> {
  const bytes = bytesOf(repeat)
  for (let i = 0; i < times && !socket.destroyed; i++) {
    if (!socket.write(bytes) && every === undefined) await wait(1)
    if (every !== undefined) await wait(every)
  }
}

/** Checks by a further request that the connection is kept. */
async function askOnce (client: RawClient, seen: Seen): Promise<void> {
  if (client.unread.length > 0) return
  client.write('GET /canary/again HTTP/1.1\r\nHost: gateway.test\r\nx-id: again\r\n\r\n')
  const answer = client.response().then(
    response => response.status === 200 && response.body.includes('"again"') ? undefined : `a further request got ${response.status} ${response.body.toString('latin1').slice(0, 100)}`,
    (error: Error) => `a further request failed: ${error.message}`)
  seen.failure = await Promise.race([answer, wait(CLOSE_TIME, 'a further request got no answer')])
}

async function untilRaw (client: RawClient, raw: string | RegExp): Promise<void> {
  const deadline = performance.now() + CLOSE_TIME
  while (!client.unread.toString('latin1').match(raw) && performance.now() < deadline) await wait(5)
}

function methodsIn (party: Party): string[] {
  const bytes = stepsOf(party.client).filter(step => typeof step === 'string' || Buffer.isBuffer(step))
  const text = bytes.map(step => bytesOf(step).toString('latin1')).join('')
  return [...text.matchAll(REQUEST_LINE)].map(([, method]) => method!)
}
