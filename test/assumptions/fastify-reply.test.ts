// What src/quirks/fastify-reply.ts and node-http-one-write.ts rely on of Fastify's replies, asked of Fastify alone.
import { once } from 'node:events'
import { get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import t from 'tap'

type Headers = Record<string, unknown>

function keyOf (reply: FastifyReply): symbol | undefined {
  return Object.getOwnPropertySymbols(reply).find(({ description }) => description === 'fastify.reply.headers')
}

/** An app with one route, that is asked by inject. */
function appWith (t: { teardown (fn: () => unknown): void }, handler: (reply: FastifyReply) => unknown): FastifyInstance {
  const app = Fastify()
  t.teardown(() => app.close())
  app.get('/', (_request, reply) => handler(reply))
  return app
}

t.test('a reply keeps its headers in a plain object under the symbol fastify.reply.headers, which may be another one', async t => {
  const app = appWith(t, reply => {
    const key = keyOf(reply)!
    const keeping = reply as unknown as Record<symbol, Headers>
    t.strictSame(keeping[key], {})
    reply.header('X-A', 'a')
    t.strictSame(keeping[key], { 'x-a': 'a' })
    reply.removeHeader('x-a')
    t.strictSame(Object.values(keeping[key]!).filter(value => value !== undefined), [])
    keeping[key] = { 'x-b': 'b', 'set-cookie': ['c=1', 'd=2'] }
    t.equal(reply.getHeader('x-b'), 'b')
    reply.header('x-c', 'c')
    return reply.send('text')
  })
  const { headers } = await app.inject('/')
  t.match(headers, { 'x-b': 'b', 'x-c': 'c', 'set-cookie': ['c=1', 'd=2'] })
  t.notHas(headers, { 'x-a': 'a' })
})

t.test('the symbol of the headers is one for all apps', async t => {
  const keys = new Set<symbol | undefined>()
  for (let i = 0; i < 2; i++) {
    await appWith(t, reply => {
      keys.add(keyOf(reply))
      return 'text'
    }).inject('/')
  }
  t.equal(keys.size, 1)
})

t.test('getHeader tells of what is on node\'s response where the reply has none, and what the reply has goes before it', async t => {
  const app = appWith(t, reply => {
    reply.raw.setHeader('x-a', 'beneath')
    t.equal(reply.getHeader('x-a'), 'beneath')
    reply.header('x-a', 'own')
    t.equal(reply.getHeader('x-a'), 'own')
    return 'text'
  })
  t.equal((await app.inject('/')).headers['x-a'], 'own')
})

t.test('Set-Cookie is added to what the reply has, and any other header takes the place of what it has', async t => {
  const app = appWith(t, reply => {
    reply.headers({ 'set-cookie': 'a=1', 'x-a': 'a' }).headers({ 'set-cookie': ['b=2'], 'x-a': 'b' })
    return 'text'
  })
  t.match((await app.inject('/')).headers, { 'set-cookie': ['a=1', 'b=2'], 'x-a': 'b' })
})

t.test('a JSON text gets a charset, and none where the reply has a serializer, which is called with the reply as its this', async t => {
  const types: unknown[] = []
  for (const own of [false, true]) {
    const app = appWith(t, reply => {
      reply.type('application/json')
      if (own) {
        reply.serializer(function (this: unknown, text: unknown) {
          t.equal(this, reply)
          return text as string
        })
      }
      return reply.send('{"a":1}')
    })
    const { headers, body } = await app.inject('/')
    types.push(headers['content-type'])
    t.equal(body, '{"a":1}')
  }
  t.strictSame(types, ['application/json; charset=utf-8', 'application/json'])
})

t.test('null takes a serializer away again', async t => {
  const app = appWith(t, reply => {
    reply.serializer(() => 'serialized').serializer(null as never)
    return reply.send({ a: 1 })
  })
  t.equal((await app.inject('/')).body, '{"a":1}')
})

t.test('bytes get a Content-Type where they have none, and a stream does not', async t => {
  t.equal((await appWith(t, () => Buffer.from('bytes')).inject('/')).headers['content-type'], 'application/octet-stream')
  const { headers, body } = await appWith(t, reply => reply.send(Readable.from(['a', 'b']))).inject('/')
  t.equal(headers['content-type'], undefined)
  t.equal(body, 'ab')
})

t.test('a stream is piped into node\'s response, which has the head by then, so that the head can be flushed', async t => {
  const stream = new Readable({ read () {} })
  const app = appWith(t, reply => {
    const { raw } = reply
    raw.once('pipe', (source: unknown) => {
      t.equal(source, stream)
      t.equal(raw.headersSent, false)
      t.equal(raw.getHeader('x-a'), 'a')
      raw.flushHeaders()
    })
    return reply.code(201).header('x-a', 'a').send(stream)
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const request = get({ port: (app.server.address() as AddressInfo).port, host: '127.0.0.1' })
  const [response] = await once(request, 'response') as [IncomingMessage]
  t.match(response, { statusCode: 201, headers: { 'x-a': 'a' } }, 'before there is any of the body')
  stream.push('late')
  stream.push(null)
  t.equal(String((await once(response, 'data'))[0]), 'late')
})

t.test('a text is ended with node\'s response, in one call, behind its head', async t => {
  const calls: unknown[][] = []
  const app = appWith(t, reply => {
    const { raw } = reply
    const { end } = raw
    raw.end = ((...given: unknown[]) => {
      calls.push([raw.headersSent || Reflect.get(raw, '_header') !== null, ...given])
      return Reflect.apply(end, raw, given) as unknown
    }) as typeof end
    return reply.send('text')
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const request = get({ port: (app.server.address() as AddressInfo).port, host: '127.0.0.1' })
  const [response] = await once(request, 'response') as [IncomingMessage]
  await once(response.resume(), 'end')
  t.strictSame(calls, [[true, 'text', null, null]])
})

t.test('a reply that is sent, or hijacked, says so', async t => {
  const app = appWith(t, reply => {
    t.equal(reply.sent, false)
    reply.send('text')
    t.equal(reply.sent, true)
  })
  await app.inject('/')
})
