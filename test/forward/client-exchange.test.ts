import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { onClientGone } from '../../src/forward/client-exchange.js'
import { rawClient } from '../../testing/client.js'
import type { RawClient } from '../../testing/client.js'
import { until } from '../../testing/gateway.js'

interface Exchange { readonly message: IncomingMessage, readonly response: ServerResponse, readonly off: () => void, gone: number }

interface Listening { readonly server: Server, readonly client: RawClient, readonly exchanges: Exchange[] }

/** A server that answers nothing by itself, and watches the end of each exchange. */
async function setup (t: Test): Promise<Listening> {
  const exchanges: Exchange[] = []
  const server = createServer((message, response) => watch(exchanges, message, response))
  t.teardown(() => server.close().closeAllConnections())
  const client = await rawClient(await listen(server))
  t.teardown(() => client.destroy())
  return { server, client, exchanges }
}

function watch (exchanges: Exchange[], message: IncomingMessage, response: ServerResponse): void {
  const exchange: Exchange = { message, response, off: onClientGone(message, response, () => { exchange.gone++ }), gone: 0 }
  exchanges.push(exchange)
}

async function listen (server: { listen (port: number, host: string, then: () => void): unknown, address (): unknown }): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const gone = (exchanges: Exchange[]): number[] => exchanges.map(exchange => exchange.gone)
const listeners = (socket: Socket): Record<string, number> => Object.fromEntries(socket.eventNames().map(name => [name, socket.listenerCount(name)]))

t.test('a client that leaves is reported to the response that it waits for, and to those behind it', async t => {
  const { client, exchanges } = await setup(t)
  client.write(GET.repeat(40))
  await until(() => exchanges.length === 40)
  t.equal(exchanges[1]!.response.socket, null, 'node gives these no socket, and no close')
  client.destroy()
  await until(() => exchanges.every(exchange => exchange.gone > 0))
  t.ok(exchanges.every(exchange => exchange.gone === 1), 'once each')
})

t.test('any number of exchanges needs one listener on the socket, and none after their end', async t => {
  const warnings: Error[] = []
  const warned = (warning: Error): void => { warnings.push(warning) }
  process.on('warning', warned)
  t.teardown(() => process.off('warning', warned))
  const { client, exchanges } = await setup(t)
  client.write(GET)
  await until(() => exchanges.length === 1)
  const { socket } = exchanges[0]!.message
  exchanges[0]!.response.end('x')
  await client.response()
  await until(() => exchanges[0]!.gone === 1)
  const before = listeners(socket)
  client.write(GET.repeat(30))
  await until(() => exchanges.length === 31)
  // Node's listener for the response that owns the socket, and ours.
  t.equal(socket.listenerCount('close'), before['close']! + 2)
  // Some finish, some are removed.
  for (const { off } of exchanges.slice(20)) off()
  for (const { response } of exchanges.slice(1)) response.end('x')
  for (let i = 0; i < 30; i++) await client.response()
  await until(() => exchanges.slice(0, 20).every(exchange => exchange.gone === 1))
  t.strictSame(gone(exchanges.slice(20)), exchanges.slice(20).map(() => 0), 'whose listener was taken off hears nothing')
  t.strictSame(listeners(socket), before, 'the kept socket is as it was')
  t.strictSame(warnings, [])
})

t.test('a response that got its socket meanwhile is told of its client\'s leaving once', async t => {
  const { client, exchanges } = await setup(t)
  client.write(GET + GET)
  await until(() => exchanges.length === 2)
  exchanges[0]!.response.end('x')
  await client.response()
  await until(() => exchanges[1]!.response.socket !== null)
  client.destroy()
  await until(() => exchanges[1]!.gone === 1)
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(gone(exchanges), [1, 1])
})

t.test('a listener is told of a client that left before, and not within the call', async t => {
  const { client, exchanges } = await setup(t)
  client.write(GET + GET)
  await until(() => exchanges.length === 2)
  client.destroy()
  await until(() => exchanges.every(exchange => exchange.gone === 1))
  for (const { message, response } of exchanges.slice()) watch(exchanges, message, response)
  t.strictSame(gone(exchanges.slice(2)), [0, 0])
  await until(() => exchanges.every(exchange => exchange.gone === 1))
  watch(exchanges, exchanges[1]!.message, exchanges[1]!.response)
  exchanges[4]!.off()
  await new Promise(resolve => setImmediate(resolve))
  t.equal(exchanges[4]!.gone, 0, 'unless it was taken off before')
})

for (const [how, leave] of [['resets its stream', 'close'], ['ends its session', 'destroy']] as const) {
  t.test(`an HTTP/2 client that ${how} is reported`, async t => {
    const exchanges: Exchange[] = []
    const server = createHttp2Server((message, response) => watch(exchanges, message as unknown as IncomingMessage, response as unknown as ServerResponse))
    const session = connectHttp2(`http://127.0.0.1:${await listen(server)}`)
    t.teardown(() => {
      session.destroy()
      server.close()
    })
    const stream = session.request({ ':path': '/' })
    await until(() => exchanges.length === 1)
    t.equal(exchanges[0]!.gone, 0)
    if (leave === 'close') stream.close()
    else session.destroy()
    await until(() => exchanges[0]!.gone === 1)
    // One more, too late.
    watch(exchanges, exchanges[0]!.message, exchanges[0]!.response)
    await until(() => exchanges[1]!.gone === 1)
  })
}

t.test('the end of an injected request is reported, answered or destroyed', async t => {
  const exchanges: Exchange[] = []
  const app = Fastify()
  t.teardown(async () => await app.close())
  app.get('/', async (request, reply) => {
    watch(exchanges, request.raw, reply.raw)
    if (request.headers['x-cut'] === undefined) return 'x'
    reply.hijack()
    reply.raw.destroy()
    return reply
  })
  await app.inject('/')
  await until(() => gone(exchanges)[0] === 1)
  await t.rejects(app.inject({ url: '/', headers: { 'x-cut': '1' } }))
  await until(() => gone(exchanges)[1] === 1)
  watch(exchanges, exchanges[1]!.message, exchanges[1]!.response)
  await until(() => gone(exchanges)[2] === 1)
})
