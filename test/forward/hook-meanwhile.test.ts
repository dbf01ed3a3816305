// Regression: a response was lost while a slow hook of the app ran. Its stream failed without a listener, and the process ended.
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { ProxyOptions } from '../../src/index.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'
import type { Backend } from '../../testing/backend.js'
import type { RawClient } from '../../testing/client.js'

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nETag: "a"\r\nContent-Length: 100\r\n\r\n'
type OnResponse = NonNullable<NonNullable<ProxyOptions['replyOptions']>['onResponse']>

interface Meanwhile extends RunningGateway { backend: Backend, client: RawClient, ask (): void, lose (how: 'reset' | 'end'): void }

async function meanwhile (t: Test, replyOptions: ProxyOptions['replyOptions'], before?: (app: FastifyInstance) => void): Promise<Meanwhile> {
  const backend = await backendFor(t, (_request, connection) => connection.write(HEAD))
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, ...replyOptions === undefined ? {} : { replyOptions } }], ...before === undefined ? {} : { before } })
  const client = await clientFor(t, running)
  return Object.assign(running, {
    backend,
    client,
    ask: () => client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    lose: (how: 'reset' | 'end') => backend.connections[0]![how]()
  })
}

for (const how of ['reset', 'end'] as const) {
  t.test(`a backend's ${how} during an async onSend is a 502 without the response's headers`, async t => {
    let running = false
    let goOn = (): void => {}
    const { ask, lose, client, target } = await meanwhile(t, undefined, app => {
      app.addHook('onSend', async (_request, reply) => {
        if (reply.statusCode !== 200) return
        running = true
        await new Promise<void>(resolve => { goOn = resolve })
      })
    })
    ask()
    await until(() => running)
    lose(how)
    await until(() => target.snapshot().connections.active === 0)
    goOn()
    const response = await client.response()
    t.equal(response.status, 502)
    t.match(JSON.parse(response.body.toString()), { code: 'HOLDFAST_ERR_CONNECTION_LOST' })
    for (const name of ['content-encoding', 'etag']) t.equal(response.header(name), undefined, name)
  })

  t.test(`a backend's ${how} during an async onResponse is answered as onResponse decides`, async t => {
    let running = false
    let goOn = (): void => {}
    const onResponse: OnResponse = (async (_request: unknown, reply: { send (payload: unknown): void }, response: { stream: unknown }) => {
      running = true
      await new Promise<void>(resolve => { goOn = resolve })
      reply.send(response.stream)
    }) as never
    const { ask, lose, client, target } = await meanwhile(t, { onResponse })
    ask()
    await until(() => running)
    lose(how)
    await until(() => target.snapshot().connections.active === 0)
    goOn()
    t.equal((await client.response()).status, 502)
  })
}

t.test('an onResponse that rejects or throws is an error of its own response', async t => {
  for (const onResponse of [async () => { throw new Error('mine') }, () => { throw new Error('mine') }, async () => JSON.parse('no JSON')]) {
    const { ask, client, target, app } = await meanwhile(t, { onResponse: onResponse as never })
    ask()
    const response = await client.response()
    t.equal(response.status, 500)
    t.equal(response.header('etag'), undefined)
    await until(() => target.snapshot().connections.active === 0)
    t.equal((await app.inject('/')).statusCode, 500)
  }
})

t.test('an onResponse that fails after its response was sent fails nothing else', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply({ body: 'whole' }))
  const onResponse = (async (_request: unknown, reply: { send (payload: unknown): void, raw: NodeJS.EventEmitter }, response: { stream: unknown }) => {
    reply.send(response.stream)
    await new Promise(resolve => reply.raw.once('close', resolve))
    throw new Error('late')
  }) as never
  const { port, log } = await gatewayFor(t, { routes: [{ upstream: backend.url, replyOptions: { onResponse } }] })
  const client = await clientFor(t, { port })
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await client.response()).body.toString(), 'whole')
  await until(() => log.some(({ err }) => err?.message === 'late'))
})

t.test('an onError that throws or rejects is a 500', async t => {
  for (const onError of [() => { throw new Error('mine') }, async () => { throw new Error('mine') }]) {
    const backend = await backendFor(t, (_request, connection) => connection.reset())
    const { port } = await gatewayFor(t, { routes: [{ upstream: backend.url, replyOptions: { onError: onError as never } }] })
    const client = await clientFor(t, { port })
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    t.equal((await client.response()).status, 500)
  }
})

t.test('the stream of an onResponse can be read as undici\'s bodies can', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply({ headers: { 'content-type': 'application/json' }, body: '{"a":1}' }))
  const read = async (how: string): Promise<string> => {
    const onResponse = (async (_request: unknown, reply: { removeHeader (name: string): void, send (payload: unknown): void }, { stream }: { stream: Record<string, () => Promise<unknown>> & { bodyUsed: boolean } }) => {
      const before = stream.bodyUsed
      const what = await stream[how]!()
      reply.removeHeader('content-length')
      reply.send({ before, after: stream.bodyUsed, what: what instanceof ArrayBuffer || what instanceof Uint8Array ? Buffer.from(what as Uint8Array).toString() : what, again: await stream['text']!().catch((error: Error) => error.name) })
    }) as never
    const { app } = await gatewayFor(t, { routes: [{ upstream: backend.url, replyOptions: { onResponse } }] })
    return (await app.inject('/')).json()
  }
  t.match(await read('json'), { before: false, after: true, what: { a: 1 }, again: 'TypeError' })
  t.match(await read('text'), { what: '{"a":1}' })
  t.match(await read('bytes'), { what: '{"a":1}' })
  t.match(await read('arrayBuffer'), { what: '{"a":1}' })
  t.match(await read('dump'), { what: null, again: 'TypeError' })
})

t.test('an error handler may send an object in place of a short response', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply({ headers: { 'content-type': 'text/plain' }, body: 'short' }))
  const { app } = await gatewayFor(t, {
    routes: [{ upstream: backend.url }],
    before: app => {
      app.setErrorHandler((_error, _request, reply) => reply.code(418).send({ mine: true }))
      app.addHook('onSend', async (_request, reply) => { if (reply.statusCode === 200) throw new Error('no') })
    }
  })
  const response = await app.inject('/')
  t.equal(response.statusCode, 418)
  t.same(response.json(), { mine: true })
})
