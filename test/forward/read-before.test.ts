// Regression: if the app had read a body, or a hook had returned it paused, the gateway waited for it until a 408. A hook's stream of
// another length was a 500.
import { createGzip, gunzipSync, createGunzip, gzipSync } from 'node:zlib'
import type { IncomingMessage } from 'node:http'
import { PassThrough, Transform } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { ProxyOptions } from '../../src/index.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'
import { request } from '../../testing/client.js'
import type { Answer } from '../../testing/client.js'

interface Seen { body: string, coding: string | undefined, length: string | undefined, type: string | undefined }

async function post (t: Test, before: (app: FastifyInstance) => void, body: string | Buffer, type = 'application/json', route: ProxyOptions = {}): Promise<{ answer: Answer, seen: Seen | undefined }> {
  let seen: Seen | undefined
  const backend = await backendFor(t, ({ body, header }, connection) => {
    seen = { body: body.toString('latin1'), coding: header('transfer-encoding'), length: header('content-length'), type: header('content-type') }
    connection.reply()
  })
  const { url } = await gatewayFor(t, { before, routes: [{ upstream: backend.url, ...route }] })
  return { answer: await request(url, { method: 'POST', headers: { 'content-type': type, 'content-length': body.length }, body }), seen }
}

/** Reads the body as Express' parsers do. */
async function readInto (raw: IncomingMessage & { body?: unknown }, parse: (text: string) => unknown): Promise<void> {
  let text = ''
  for await (const piece of raw) text += String(piece)
  raw.body = parse(text)
}

t.test('a body that another parser than Fastify\'s has parsed is forwarded', async t => {
  const json = await post(t, app => { app.addHook('onRequest', async ({ raw }) => readInto(raw, JSON.parse)) }, '{ "a": 1 }')
  t.equal(json.answer.status, 200)
  t.match(json.seen, { body: '{"a":1}', length: '7', type: 'application/json' })
  const form = await post(t, app => { app.addHook('onRequest', async ({ raw }) => readInto(raw, text => Object.fromEntries(new URLSearchParams(text)))) },
    'a=1&b=%20', 'application/x-www-form-urlencoded')
  t.match(form.seen, { body: 'a=1&b=%20', type: 'application/x-www-form-urlencoded' })
  const text = await post(t, app => { app.addHook('preHandler', async ({ raw }) => readInto(raw, text => text)) }, 'text', 'text/plain')
  t.match(text.seen, { body: 'text', length: '4' })
})

t.test('a body that was read and not kept is a 500 at once, with the remedy', async t => {
  for (const hook of [
    async ({ raw }: { raw: IncomingMessage }) => { await raw.forEach(() => {}) },
    async ({ raw }: { raw: IncomingMessage }) => { await new Promise(resolve => raw.once('data', resolve)) }
  ]) {
    const { answer, seen } = await post(t, app => { app.addHook('preHandler', hook) }, Buffer.alloc(200_000))
    t.equal(answer.status, 500)
    t.match(JSON.parse(answer.body.toString()), { code: 'HOLDFAST_ERR_BODY_READ', message: /proxyPayloads/ })
    t.equal(seen, undefined)
  }
  const odd = await post(t, app => { app.addHook('onRequest', async ({ raw }) => readInto(raw, text => ({ text }))) }, 'x', 'a/b')
  t.match(JSON.parse(odd.answer.body.toString()), { statusCode: 500, code: 'HOLDFAST_ERR_BODY_READ' })
})

t.test('JSON null and an empty JSON text are forwarded as such', async t => {
  for (const body of ['null', '""', '0', 'false']) {
    const { answer, seen } = await post(t, () => {}, body, 'application/json', { proxyPayloads: false })
    t.equal(answer.status, 200, body)
    t.match(seen, { body, type: 'application/json' })
  }
})

t.test('a hook that replaces a body by nothing makes the gateway send none', async t => {
  for (const nothing of [null, '']) {
    const { answer, seen } = await post(t, app => { app.addHook('preHandler', async request => { request.body = nothing }) }, '{"a":1}')
    t.equal(answer.status, 200)
    t.equal(seen?.body, '')
  }
})

t.test('an empty body that was read is forwarded as empty', async t => {
  const { answer, seen } = await post(t, app => { app.addHook('preHandler', async ({ raw }) => { await raw.forEach(() => {}) }) }, '')
  t.equal(answer.status, 200)
  t.match(seen, { body: '' })
})

t.test('a stream that a preParsing hook returns is forwarded, paused or not, with any length', async t => {
  const big = 'x'.repeat(200_000)
  const hooks: Array<[string, (payload: NodeJS.ReadableStream) => NodeJS.ReadableStream, string | Buffer, string]> = [
    ['paused', payload => payload.pipe(new PassThrough()).pause(), 'short', 'short'],
    ['longer', payload => payload.pipe(new Transform({ transform: (piece, _encoding, done) => done(null, Buffer.concat([piece as Buffer, piece as Buffer])) })), big, big + big],
    ['decompressed', payload => payload.pipe(createGunzip()), gzipSync(big), big],
    ['decompressed and short', payload => payload.pipe(createGunzip()), gzipSync('short'), 'short']
  ]
  for (const [what, hook, body, expected] of hooks) {
    const { answer, seen } = await post(t, app => { app.addHook('preParsing', async (_request, _reply, payload) => hook(payload) as never) }, body, 'a/b')
    t.equal(answer.status, 200, what)
    t.equal(seen?.body, expected, what)
  }
  const { seen } = await post(t, app => { app.addHook('preParsing', async (_request, _reply, payload) => payload.pipe(createGzip()) as never) }, big, 'a/b')
  t.equal(gunzipSync(Buffer.from(seen!.body, 'latin1')).toString(), big)
})
