// What src/quirks/fastify-content-type.ts relies on of Fastify, asked of Fastify alone.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'

const ODD = ['', 'nonsense', 'a/', '/b']

/** The status and the body of the answer to a POST with this type. */
async function answered (app: FastifyInstance, type: string, payload = 'a'): Promise<{ status: number, body: object }> {
  const headers = { 'content-type': type, 'content-length': '1' }
  const { statusCode, body } = await app.inject({ method: 'POST', url: '/', headers, payload })
  return { status: statusCode, body: JSON.parse(body) as object }
}

/** An app that passes each body on, of any type, and that takes the types of other parsers away. */
function passing (t: Test, hide: boolean): FastifyInstance {
  const app = Fastify()
  t.teardown(() => app.close())
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.addHook('onRequest', async ({ raw }) => { if (hide) raw.headers['content-type'] = undefined })
  app.post('/', ({ body, raw }) => ({ streams: body === raw }))
  return app
}

t.test('a Content-Type that is none is refused before any parser is asked', async t => {
  for (const type of ODD) {
    if (type !== '') t.match(await answered(passing(t, false), type), { status: 415 }, JSON.stringify(type))
  }
})

t.test('one that is undefined is taken for none, and the parser for any type is asked', async t => {
  for (const type of ODD) {
    t.same(await answered(passing(t, true), type), { status: 200, body: { streams: true } }, JSON.stringify(type))
  }
})

t.test('usual types are given to the parser', async t => {
  const app = passing(t, false)
  const usual = [
    'application/json', 'text/plain; charset=utf-8', 'multipart/form-data; boundary="a b"', 'application/vnd.api+json', 'a/b;c=d;e=f'
  ]
  for (const type of usual) t.match(await answered(app, type), { status: 200 }, type)
})

t.test('a body that could not be parsed is answered with Connection: close', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.post('/', () => 'text')
  const json = { 'content-type': 'application/json' }
  const { statusCode, headers } = await app.inject({ method: 'POST', url: '/', headers: json, payload: '{' })
  t.equal(statusCode, 400)
  t.equal(headers.connection, 'close')
})

t.test('the body of a GET is read by no parser', async t => {
  const app = passing(t, false)
  app.get('/', ({ body }) => ({ none: body === undefined }))
  const headers = { 'content-type': 'application/json', 'content-length': '1' }
  t.same((await app.inject({ method: 'GET', url: '/', headers, payload: 'a' })).json(), { none: true })
})
