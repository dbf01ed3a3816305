import t from 'tap'
import type { Test } from 'tap'
import { Dice } from '../fuzz/message.js'
import { answer } from '../../testing/answer.js'
import type { Backend, BackendRequest } from '../../testing/backend.js'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'
import { writtenRequest } from './written-request.js'
import type { WrittenRequest } from './written-request.js'

const REQUESTS = 250
/** Headers that the gateway adds, and its framing of the body. */
const ADDED = /^(?:host|via|cdn-loop|x-forwarded-(?:for|host|proto)|connection|content-length|transfer-encoding)$/i

/**
 * One request on the client's connection, its pieces one after another: each later one when the backend has the head, if it gets it before
 * the end.
 */
async function send (t: Test, request: WrittenRequest, { client, heads }: { client: Awaited<ReturnType<typeof clientFor>>, heads: Map<string, () => void> }): Promise<void> {
  const [first = '', ...rest] = request.pieces
  const head = new Promise<void>(resolve => heads.set(request.path, resolve))
  client.write(Buffer.from(first, 'latin1'))
  if (rest.length > 0) await head
  for (const piece of rest) client.write(Buffer.from(piece, 'latin1'))
  const response = await client.response({ head: request.method === 'HEAD' })
  if (response.status !== 200 || !response.complete) t.fail(`${response.status} to ${JSON.stringify(request)}`)
}

function wrongIn (sent: WrittenRequest, got: BackendRequest | undefined): string[] {
  if (got === undefined) return ['it did not come']
  const wrong: string[] = []
  const check = (what: string, wanted: unknown, found: unknown): void => {
    if (JSON.stringify(wanted) !== JSON.stringify(found)) wrong.push(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`)
  }
  check('method', sent.method, got.method)
  check('path', sent.path, got.path)
  check('body', sent.body, got.body.toString('latin1'))
  check('lines', sent.lines, got.rawHeaders.filter(([name]) => !ADDED.test(name)))
  check('trailers', [], got.trailers)
  return wrong
}

async function through (t: Test, seed: number): Promise<{ backend: Backend, requests: WrittenRequest[] }> {
  const heads = new Map<string, () => void>()
  const backend = await backendFor(t, {
    onHead: ({ path }) => heads.get(path)?.(),
    onRequest: (request, connection) => answer(request, connection)
  }, { log: true })
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  const client = await clientFor(t, running)
  const dice = new Dice(seed)
  const requests = Array.from({ length: REQUESTS }, (_, i) => writtenRequest(dice, i))
  for (const request of requests) await send(t, request, { client, heads })
  return { backend, requests }
}

t.test('each request reaches the backend as one valid request, with its lines unchanged', async t => {
  const { backend, requests } = await through(t, 1)
  t.same(backend.malformed, [])
  t.equal(backend.log.length, REQUESTS)
  const wrong = requests.flatMap((sent, i) => wrongIn(sent, backend.log[i]).map(what => `${sent.pieces.join('|').slice(0, 300)}: ${what}`))
  t.same(wrong.slice(0, 5), [])
  const framings = new Set(requests.map(({ kind }) => kind))
  t.equal(framings.size, 7, 'every kind of body was among them')
})
