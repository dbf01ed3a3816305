import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { BackendScript } from '../../testing/backend.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import type { RawClient } from '../../testing/client.js'

const LARGE = Buffer.alloc(1_000_000, 'x')

const script: BackendScript = ({ path }, connection) => {
  if (path === '/streamed') connection.reply({ body: LARGE })
  else if (path === '/refused') connection.reply({ status: 404, body: 'no' })
  else connection.reply({ body: 'x' })
}

/** What a client sends at once, and how many answers it gets. The connection is kept. */
const ROUNDS: Record<string, readonly [bytes: string, answers: number]> = {
  'a GET': ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 1],
  'a response that streams': ['GET /streamed HTTP/1.1\r\nHost: a\r\n\r\n', 1],
  'a POST': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc', 1],
  'a chunked POST': ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', 1],
  'an upload that is streamed': [`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`, 1],
  'a POST that expects a 100': ['POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc', 2],
  'a GET that would upgrade to h2c': ['GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n', 1],
  'a POST that would upgrade to h2c': ['POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc', 1],
  'an upgrade behind another request': ['GET /streamed HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n', 2],
  'twelve pipelined requests': ['GET /streamed HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx'.repeat(6), 12],
  'an answer of the gateway\'s own': ['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 1],
  'a backend that refuses': ['GET /refused HTTP/1.1\r\nHost: a\r\n\r\n', 1]
}

async function ask (client: RawClient, [bytes, answers]: readonly [string, number]): Promise<void> {
  client.write(bytes)
  for (let i = 0; i < answers; i++) await client.response()
}

function listenersOf (socket: Socket): Record<string, number> {
  return Object.fromEntries(socket.eventNames().map(name => [String(name), socket.listenerCount(name)]).filter(([, count]) => count !== 0).sort())
}

/** The only client's socket on the gateway's side, and the warnings of this process. */
async function setup (t: Test): Promise<{ client: RawClient, socket: Socket, warnings: Error[] }> {
  const warnings: Error[] = []
  const warned = (warning: Error): void => { warnings.push(warning) }
  process.on('warning', warned)
  t.teardown(() => process.off('warning', warned))
  const backend = await backendFor(t, script)
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, websocket: true }] })
  const accepted = new Promise<Socket>(resolve => running.app.server.once('connection', resolve))
  const client = await clientFor(t, running)
  return { client, socket: await accepted, warnings }
}

for (const [what, round] of Object.entries(ROUNDS)) {
  t.test(`${what} leaves no listener on a client's socket that is kept`, async t => {
    const { client, socket, warnings } = await setup(t)
    // Node adds some listeners of its own at the first request.
    await ask(client, ROUNDS['a GET']!)
    await until(() => !('_httpMessage' in socket) || socket._httpMessage === null)
    const before = listenersOf(socket)
    for (let i = 0; i < 12; i++) await ask(client, round)
    await until(() => JSON.stringify(listenersOf(socket)) === JSON.stringify(before)).catch(() => {})
    t.strictSame(listenersOf(socket), before)
    t.strictSame(warnings.map(({ message }) => message), [])
  })
}
