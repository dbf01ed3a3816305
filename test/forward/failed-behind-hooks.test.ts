// Regression: when a backend failed in the middle of a body, clients waited for ever if a hook had piped the body into a transform, or had
// hijacked the reply.
import { createGzip } from 'node:zlib'
import { PassThrough, type Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import type { ProxyOptions } from '../../src/index.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'
import type { Backend } from '../../testing/backend.js'

const PART = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart'
type Response = { stream: Readable & { text (): Promise<string> } }

const onResponse = (hook: (reply: FastifyReply, response: Response) => unknown): ProxyOptions => ({
  replyOptions: { onResponse: (_request: FastifyRequest, reply: FastifyReply, response: Response) => hook(reply, response) } as unknown as NonNullable<ProxyOptions['replyOptions']>
})

async function lose (backend: Backend, { target }: RunningGateway): Promise<void> {
  backend.connections[0]!.reset()
  await until(() => target.snapshot().connections.active === 0)
}

t.test('a body that failed during an async onSend hook fails the transforms that the hook then adds', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.write(PART))
  let held: (() => void) | undefined
  const gateway = await gatewayFor(t, {
    routes: [{ upstream: backend.url }],
    before: app => {
      app.addHook('onSend', async (_request, reply, payload) => {
        if (typeof (payload as Readable | undefined)?.pipe !== 'function') return payload
        await new Promise<void>(resolve => { held = resolve })
        reply.removeHeader('content-length')
        return (payload as Readable).pipe(createGzip()).pipe(new PassThrough())
      })
    }
  })
  const client = await clientFor(t, gateway)
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => held !== undefined)
  await lose(backend, gateway)
  held!()
  const { status, body } = await client.response()
  t.equal(status, 502)
  t.match(String(body), 'HOLDFAST_ERR_CONNECTION_LOST')
})

t.test('a hook that has hijacked the reply learns from the stream that the body failed', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.write(PART))
  const gateway = await gatewayFor(t, {
    routes: [{
      upstream: backend.url,
      ...onResponse((reply, { stream }) => {
        reply.hijack()
        reply.raw.setHeader('content-length', 6)
        stream.text().then(text => reply.raw.end(text), () => reply.raw.end('failed'))
      })
    }]
  })
  const client = await clientFor(t, gateway)
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => backend.requests === 1)
  await lose(backend, gateway)
  t.equal(String((await client.response()).body), 'failed')
})

t.test('the client is cut off if a hook hijacks the reply and then rejects', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.write(PART))
  const gateway = await gatewayFor(t, {
    routes: [{
      upstream: backend.url,
      ...onResponse(async (reply, { stream }) => {
        reply.hijack()
        reply.raw.end(await stream.text())
      })
    }]
  })
  const client = await clientFor(t, gateway)
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => backend.requests === 1)
  await lose(backend, gateway)
  t.equal(await client.ended, 'rst')
  t.match(gateway.log.map(({ msg }) => msg), ['a function of the app failed after it had hijacked its reply'])
})

t.test('a hook\'s body in place of the backend\'s arrives whole, even if the backend\'s fails', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.write(PART))
  const own = 'y'.repeat(4_000_000)
  const gateway = await gatewayFor(t, {
    routes: [{ upstream: backend.url }],
    before: app => {
      app.addHook('onSend', async (_request, reply) => {
        reply.removeHeader('content-length')
        return own
      })
    }
  })
  const client = await clientFor(t, gateway)
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => client.unread.length > 0)
  client.socket.pause()
  await lose(backend, gateway)
  client.socket.resume()
  t.equal((await client.response()).body.length, own.length)
})
