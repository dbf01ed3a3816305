import { Readable } from 'node:stream'
import t from 'tap'
import { FormData, fetch as undiciFetch, request } from 'undici'
import type { Dispatcher } from 'undici'
import type { RequestScript } from '../../testing/backend.js'
import { persistent } from '../../testing/behaviours.js'
import { targetFor } from '../../testing/gateway.js'

const echo: RequestScript = ({ method, path, body }, connection) => connection.reply({
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ method, path, body: body.toString() })
})

t.test('the global fetch runs over the managed pool', async t => {
  const { backend, target } = await targetFor(t, echo)
  // The types of node's fetch have no `dispatcher`.
  const init: object = { method: 'POST', body: 'hello', dispatcher: target }
  for (let n = 0; n < 3; n++) {
    const response = await fetch(`${backend.url}/a?b=c`, init)
    t.equal(response.status, 200)
    t.strictSame(await response.json(), { method: 'POST', path: '/a?b=c', body: 'hello' })
  }
  t.equal(backend.accepted, 1)
  t.match(target.snapshot(), { totals: { requests: 3, opened: 1, reused: 2 }, connections: { active: 0, idle: 1 } })
})

t.test('undici\'s own fetch and request run over the managed pool', async t => {
  const { backend, target } = await targetFor(t, echo)
  t.strictSame(await (await undiciFetch(`${backend.url}/f`, { dispatcher: target })).json(), { method: 'GET', path: '/f', body: '' })
  const { statusCode, headers, body } = await request(`${backend.url}/r`, { dispatcher: target, query: { a: '1' } })
  t.equal(statusCode, 200)
  t.equal(headers['content-type'], 'application/json')
  t.strictSame(await body.json(), { method: 'GET', path: '/r?a=1', body: '' })
  t.equal(backend.accepted, 1)
})

t.test('a body may be a string, bytes, a stream, an iterable or a form', async t => {
  const { backend, target } = await targetFor(t, ({ method, body, header }, connection) => connection.reply({
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ method, body: body.toString(), chunked: header('transfer-encoding') === 'chunked', type: header('content-type') ?? '' })
  }))
  const chunks = ['one ', 'two ', 'three']
  const iterable = async function * (): AsyncIterable<string> { yield * chunks }
  const bodies: [title: string, body: Dispatcher.DispatchOptions['body'], chunked: boolean][] = [
    ['a string', 'one two three', false],
    ['bytes', Buffer.from('one two three'), false],
    ['a stream', Readable.from(chunks), true],
    ['an iterable', iterable() as unknown as Readable, true]
  ]
  for (const [title, body, chunked] of bodies) {
    const response = await request(backend.url, { dispatcher: target, method: 'POST', body })
    t.strictSame(await response.body.json(), { method: 'POST', body: 'one two three', chunked, type: '' }, title)
  }
  const form = new FormData()
  form.set('field', 'value of it')
  const sent = await (await request(backend.url, { dispatcher: target, method: 'POST', body: form })).body.json() as { body: string, type: string }
  t.match(sent.body, 'value of it')
  t.match(sent.type, /^multipart\/form-data; boundary=/)
  t.equal(backend.accepted, 1, 'all on one connection')
})

t.test('the older dialect of handlers gets raw headers', async t => {
  const { backend, target } = await targetFor(t, (_request, connection) => connection.reply({ headers: { 'X-Case': 'Kept' }, body: 'hello' }))
  const calls: string[] = []
  let body = ''
  const headers = await new Promise<string[]>((resolve, reject) => {
    let raw: string[] = []
    target.dispatch({ origin: backend.url, path: '/', method: 'GET' }, {
      onConnect: () => { calls.push('connect') },
      onHeaders: (status, buffers) => {
        calls.push(`headers ${status}`)
        raw = buffers.map(String)
        return true
      },
      onData: chunk => {
        body += chunk.toString()
        return true
      },
      onComplete: () => resolve(raw),
      onError: reject
    })
  })
  t.strictSame(calls, ['connect', 'headers 200'])
  t.strictSame(headers, ['X-Case', 'Kept', 'Content-Length', '5'])
  t.equal(body, 'hello')
})

t.test('the newer dialect gets parsed headers and a controller that pauses', async t => {
  const size = 1024 * 1024
  const { backend, target } = await targetFor(t, (_request, connection) => connection.reply({ headers: { 'X-A': '1' }, body: Buffer.alloc(size) }))
  let received = 0
  let pauses = 0
  await new Promise<void>((resolve, reject) => {
    target.dispatch({ origin: backend.url, path: '/', method: 'GET' }, {
      onRequestStart: () => {},
      onResponseStart: (_controller, status, headers) => {
        t.equal(status, 200)
        t.equal(headers['x-a'], '1')
      },
      onResponseData: (controller, chunk) => {
        received += chunk.length
        pauses++
        controller.pause()
        t.equal(controller.paused, true)
        setImmediate(() => controller.resume())
      },
      onResponseEnd: () => resolve(),
      onResponseError: (_controller, error) => reject(error)
    })
  })
  t.equal(received, size)
  t.ok(pauses > 1, `paused ${pauses} times`)
  t.match(target.snapshot().connections, { active: 0, idle: 1 })
})

t.test('a handler that throws ends its own response and no other', async t => {
  const { backend, target } = await targetFor(t, persistent())
  const thrown = new Error('the handler has had enough')
  const error = await new Promise<Error>(resolve => {
    target.dispatch({ origin: backend.url, path: '/', method: 'GET' }, {
      onRequestStart: () => {},
      onResponseStart: () => { throw thrown },
      onResponseError: (_controller, error) => resolve(error)
    })
  })
  t.equal(error, thrown)
  await backend.waitFor(({ open }) => open === 0)
  t.match(await (await request(backend.url, { dispatcher: target })).body.json(), { nth: 1 })
  t.equal(target.snapshot().connections.active, 0)
})

t.test('another origin is refused before a connection is acquired', async t => {
  const { backend, target } = await targetFor(t, persistent())
  for (const origin of ['http://other.example', 'https://127.0.0.1', `${backend.url}1`, 'nonsense']) {
    const error = await new Promise<Error>(resolve => {
      target.dispatch({ origin, path: '/', method: 'GET' }, { onConnect: () => {}, onError: resolve })
    })
    t.match(error, { code: 'HOLDFAST_ERR_WRONG_ORIGIN', statusCode: 500 }, origin)
  }
  t.equal(backend.accepted, 0)
  t.equal(target.snapshot().totals.requests, 0)
})

t.test('a request that cannot be written fails for its caller, and the connection serves the next one', async t => {
  const { backend, target } = await targetFor(t, persistent())
  await (await request(backend.url, { dispatcher: target })).body.dump()
  await t.rejects(request(backend.url, { dispatcher: target, headers: { 'X-A': 'a\r\nb' } }), { code: 'UND_ERR_INVALID_ARG' })
  await (await request(backend.url, { dispatcher: target })).body.dump()
  t.equal(backend.accepted, 1)
})

t.test('headers that can be read only once reach the backend', async t => {
  const { backend, target } = await targetFor(t, ({ header }, connection) => connection.reply({ body: `${header('x-a')} ${header('x-b')}` }))
  const headers = new Map([['x-a', '1'], ['x-b', '2']]).entries()
  const { body } = await target.request({ path: '/', method: 'GET', headers: headers as never })
  t.equal(await body.text(), '1 2')
  t.equal(backend.requests, 1)
})

t.test('a connect function that never calls back times out', async t => {
  const { backend, target } = await targetFor(t, echo, { undiciOptions: { connect: () => {} } })
  const began = performance.now()
  await t.rejects(target.request({ path: '/', method: 'GET' }), { code: 'HOLDFAST_ERR_CONNECT_TIMEOUT' })
  t.ok(performance.now() - began < 4_000)
  t.equal(target.snapshot().connections.connecting, 0)
  t.equal(backend.accepted, 0)
})
