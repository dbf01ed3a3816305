import formbody from '@fastify/formbody'
import multipart from '@fastify/multipart'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import type { ProxyOptions } from '../../src/index.js'
import { request } from '../../testing/client.js'
import type { Answer } from '../../testing/client.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'

const FORM = { type: 'application/x-www-form-urlencoded', body: 'a=1&a=2&b=%20%2B+&empty=&caf%C3%A9' }
const MULTIPART = {
  type: 'multipart/form-data; boundary="-a b"',
  body: '---a b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n---a b\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\n\r\n\0\x01\r\n---a b--\r\n'
}
const JSON_LIKE = { type: 'application/json; charset=utf-8', body: '{ "a": 1.0, "a": 2 } // no JSON' }
const TEXT = { type: 'text/plain', body: 'caf\xe9' }
const CSV = { type: 'text/csv', body: 'a,b\n1,2\n' }
const NONE = { type: undefined, body: 'of no type' }
const ALL = [FORM, MULTIPART, JSON_LIKE, TEXT, CSV, NONE]

/** A gateway whose app has body parsers, and whose backend sends each body back as bytes. */
async function parsing (t: Test, parsers: (app: FastifyInstance) => void | Promise<void>, options: Partial<ProxyOptions> = {}): Promise<RunningGateway> {
  const backend = await backendFor(t, (request, connection) => connection.reply({ headers: { 'X-Type': request.header('content-type') ?? 'none' }, body: request.body }))
  return gatewayFor(t, { before: parsers, routes: [{ prefix: '/api', upstream: backend.url, ...options }] })
}

function post ({ url }: { url: string }, { type, body }: { type: string | undefined, body: string }): Promise<Answer> {
  return request(`${url}/api/x`, { method: 'POST', body: Buffer.from(body, 'latin1'), headers: type === undefined ? {} : { 'content-type': type } })
}

async function allPass (t: Test, running: RunningGateway): Promise<void> {
  for (const sent of ALL) {
    const { status, headers, body } = await post(running, sent)
    t.strictSame([status, body.toString('latin1'), headers['x-type']], [200, sent.body, sent.type ?? 'none'], sent.type ?? 'no type')
  }
}

const own: [string, (app: FastifyInstance) => void | Promise<void>][] = [
  ['@fastify/formbody', async app => { await app.register(formbody) }],
  ['@fastify/multipart', async app => { await app.register(multipart) }],
  ['@fastify/multipart that attaches fields to the body', async app => { await app.register(multipart, { attachFieldsToBody: true }) }],
  ['@fastify/multipart that attaches values to the body', async app => { await app.register(multipart, { attachFieldsToBody: 'keyValues' }) }],
  ['a parser for JSON', app => { app.addContentTypeParser('application/json', { parseAs: 'string' }, async () => 'parsed') }],
  ['a parser for everything', app => { app.addContentTypeParser('*', { parseAs: 'buffer' }, async () => ({ parsed: true })) }],
  ['a parser for a pattern', app => { app.addContentTypeParser(/^(?:text|multipart)\/./, { parseAs: 'string' }, async () => ['parsed']) }],
  ['no parser at all', app => { app.removeAllContentTypeParsers() }]
]
for (const [name, parsers] of own) {
  t.test(`a client's body is forwarded byte for byte in an app with ${name}`, async t => {
    const running = await parsing(t, parsers)
    await allPass(t, running)
    // For the `reply.from` that the gateway gives to the app's own handlers.
    t.ok(running.log.filter(({ msg }) => /multipart/.test(msg ?? '')).length <= 1, 'and no route is warned of')
  })
}

t.test('the app\'s own routes keep their parsers', async t => {
  const running = await parsing(t, async app => {
    await app.register(formbody)
    app.post('/own', async ({ body }) => body)
  })
  const { body } = await request(`${running.url}/own`, { method: 'POST', body: 'a=1&b=2', headers: { 'content-type': FORM.type } })
  t.strictSame(JSON.parse(body.toString()), { a: '1', b: '2' })
})

t.test('reply.from in a handler of the app forwards the bytes too', async t => {
  const running = await parsing(t, async app => { await app.register(formbody) }, {
    handler: (_request, reply, dest, options) => (reply as unknown as { from (dest: string, options: object): void }).from(dest, options)
  })
  const { status, body } = await post(running, FORM)
  t.strictSame([status, body.toString()], [200, FORM.body])
})

t.test('a type named in contentTypesToEncode is parsed by the app and sent as JSON; others pass, whatever parser for JSON the app has', async t => {
  const running = await parsing(t, async app => {
    await app.register(formbody)
    app.addContentTypeParser('application/json', { parseAs: 'string' }, async () => 'parsed')
  }, { contentTypesToEncode: [FORM.type] })
  t.strictSame(JSON.parse((await post(running, { ...FORM, body: 'a=1' })).body.toString()), { a: '1' })
  for (const sent of [JSON_LIKE, TEXT, CSV]) t.equal((await post(running, sent)).body.toString('latin1'), sent.body, sent.type)
})

t.test('with proxyPayloads: false hooks see the body that the app\'s parsers made', async t => {
  const seen: unknown[] = []
  const running = await parsing(t, async app => { await app.register(formbody) }, {
    proxyPayloads: false,
    preHandler (request, _reply, done) {
      seen.push(request.body)
      done()
    }
  })
  await post(running, { ...FORM, body: 'a=1' })
  t.strictSame(JSON.parse(JSON.stringify(seen)), [{ a: '1' }])
})
