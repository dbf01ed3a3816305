// Regression: an upload whose request had failed, or was waiting, had no listener for its end. The process died of it, even a minute later.
import { createReadStream } from 'node:fs'
import { connect } from 'node:http2'
import { Readable } from 'node:stream'
import Fastify from 'fastify'
import t from 'tap'
import { request as ask } from 'undici'
import { gateway, proxy } from '../../src/index.js'
import { persistent } from '../../testing/behaviours.js'
import { backendFor, clientFor, gatewayFor, targetFor, until } from '../../testing/gateway.js'

const CHUNKED = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n'
const chunkOf = (size: number): string => `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`

t.test('a client that stalls in an upload after its 502 ends only its own connection', async t => {
  const backend = await backendFor(t, persistent())
  const gateway = await gatewayFor(t, { routes: [{ upstream: backend.url, pool: { connectRetry: 0 }, clientBodyTimeout: 60 }] })
  backend.refuse()
  const client = await clientFor(t, gateway)
  client.write(CHUNKED + chunkOf(70_000))
  t.equal((await client.response()).status, 502)
  await client.ended
  // As long as the body's timeout would run.
  await new Promise(resolve => setTimeout(resolve, 120))
  t.equal((await gateway.app.inject('/')).statusCode, 502)
})

for (const state of ['healthy', 'busy', 'refusing']) {
  t.test(`a chunked upload that passes bodyLimit is a 413 while its backend is ${state}`, async t => {
    const backend = await backendFor(t, { onRequest: ({ method }, connection) => { if (method === 'POST') connection.reply() } })
    const gateway = await gatewayFor(t, {
      routes: [{ upstream: backend.url, bodyLimit: 100_000, undiciOptions: { connections: 1 }, pool: { connectRetry: 300 } }]
    })
    if (state === 'busy') {
      const other = await clientFor(t, gateway)
      other.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      await backend.waitFor(({ requests }) => requests === 1)
    }
    if (state === 'refusing') backend.refuse()
    const client = await clientFor(t, gateway)
    client.write(CHUNKED + chunkOf(70_000))
    if (state === 'busy') await until(() => gateway.target.snapshot().connections.pending === 1)
    // A waiting body is not read further, so its limit is reached only when the backend takes it.
    client.write(chunkOf(130_000))
    if (state === 'busy') backend.connections[0]!.reply()
    t.equal((await client.response()).status, state === 'refusing' ? 502 : 413)
    await client.ended
    await until(() => gateway.target.snapshot().connections.pending === 0)
    t.strictSame(backend.malformed.filter(what => !what.includes('ended')), [])
  })
}

t.test('an upload that waits for a connection is released when its client leaves', async t => {
  const backend = await backendFor(t, () => {})
  const gateway = await gatewayFor(t, { routes: [{ upstream: backend.url, undiciOptions: { connections: 1 }, clientBodyTimeout: 80 }] })
  const other = await clientFor(t, gateway)
  other.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await backend.waitFor(({ requests }) => requests === 1)
  for (const leave of ['reset', 'stop'] as const) {
    const client = await clientFor(t, gateway)
    client.write(CHUNKED + chunkOf(70_000))
    await until(() => gateway.target.snapshot().connections.pending === 1)
    if (leave === 'reset') client.destroy()
    else await client.close()
    await until(() => gateway.target.snapshot().connections.pending === 0)
  }
})

t.test('over HTTP/2 failed uploads leave no stream and no session, and do not end the process', async t => {
  const backend = await backendFor(t, persistent())
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  await app.register(gateway, { pressure: false, drain: { deadline: 200 } })
  await app.register(proxy, { upstream: backend.url, pool: { connectRetry: 0 }, clientBodyTimeout: 60 })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  backend.refuse()
  for (const ending of ['stays', 'resets', 'leaves'] as const) {
    const session = connect(url)
    t.teardown(() => session.destroy())
    const stream = session.request({ ':method': 'POST', ':path': '/', 'content-type': 'a/b' })
    stream.on('error', () => {})
    stream.write(Buffer.alloc(70_000))
    const status = await new Promise(resolve => stream.once('response', headers => resolve(headers[':status'])))
    t.equal(status, 502)
    if (ending === 'resets') stream.close(8)
    if (ending === 'leaves') session.destroy()
    stream.resume()
    // Also a client that continues its upload: the gateway ends its stream.
    if (!stream.closed) await new Promise(resolve => stream.once('close', resolve))
    session.close()
    if (!session.destroyed) await new Promise(resolve => session.once('close', resolve))
  }
  t.equal((await app.inject('/')).statusCode, 502)
})

t.test('a stream given to a target that fails before it is sent fails its request', async t => {
  const { target, backend } = await targetFor(t, persistent())
  await t.rejects(ask(backend.url, { dispatcher: target, method: 'POST', body: createReadStream('/nonexistent') }), { code: 'ENOENT' })
  await t.rejects(target.request({ path: '/', method: 'POST', body: createReadStream('/nonexistent') }), { code: 'ENOENT' })
  const late = new Readable({ read () {} })
  const asked = target.request({ path: '/', method: 'POST', body: late })
  late.push('some')
  await backend.waitFor(({ accepted }) => accepted > 0)
  late.destroy(new Error('no more'))
  await t.rejects(asked, { message: 'no more' })
  t.equal(late.listenerCount('data'), 0)
  const sent = await target.request({ path: '/', method: 'POST', body: Readable.from(['whole']) })
  t.equal(sent.statusCode, 200)
  await sent.body.dump()
})
