import { gzipSync } from 'node:zlib'
import t from 'tap'
import { interceptors, request } from 'undici'
import type { Dispatcher } from 'undici'
import { targetFor } from '../../testing/gateway.js'

t.test('redirects are followed over the pool', async t => {
  const { backend, target } = await targetFor(t, ({ path }, connection) => {
    if (path === '/here') connection.reply({ body: 'arrived' })
    else connection.reply({ status: 302, headers: { Location: '/here' } })
  })
  const dispatcher = target.compose(interceptors.redirect({ maxRedirections: 1 }))
  const { statusCode, body } = await request(`${backend.url}/there`, { dispatcher })
  t.equal(statusCode, 200)
  t.equal(await body.text(), 'arrived')
  t.match(target.snapshot().totals, { requests: 2, reused: 1 }, 'the second on the connection that the first returned')
})

t.test('a redirect to another origin is refused', async t => {
  const { backend, target } = await targetFor(t, (_request, connection) => connection.reply({ status: 302, headers: { Location: 'http://other.example/' } }))
  const dispatcher = target.compose(interceptors.redirect({ maxRedirections: 1 }))
  await t.rejects(request(backend.url, { dispatcher }), { code: 'HOLDFAST_ERR_WRONG_ORIGIN' })
})

t.test('undici\'s interceptor retries by status', async t => {
  let asked = 0
  const { backend, target } = await targetFor(t, (_request, connection) => {
    if (++asked < 3) connection.reply({ status: 503 })
    else connection.reply({ body: 'at last' })
  })
  const dispatcher = target.compose(interceptors.retry({ maxRetries: 5, minTimeout: 1, timeoutFactor: 1 }))
  const { statusCode, body } = await request(backend.url, { dispatcher })
  t.equal(statusCode, 200)
  t.equal(await body.text(), 'at last')
  t.equal(asked, 3)
  t.strictSame(target.snapshot().totals.retries, {}, 'none of them is ours')
})

t.test('responses of 400 and above are errors with responseError', async t => {
  const { backend, target } = await targetFor(t, (_request, connection) => connection.reply({ status: 418, headers: { 'Content-Type': 'text/plain' }, body: 'short and stout' }))
  const dispatcher = target.compose(interceptors.responseError())
  await t.rejects(request(backend.url, { dispatcher }), { code: 'UND_ERR_RESPONSE', statusCode: 418, body: 'short and stout' })
  t.match(target.snapshot().connections, { active: 0, idle: 1 }, 'which is no reason to lose the connection')
})

type Decompress = () => Dispatcher.DispatcherComposeInterceptor
const { decompress } = interceptors as typeof interceptors & { decompress?: Decompress }

t.test('bodies are decompressed', { skip: decompress === undefined && 'this undici has no such interceptor' }, async t => {
  const { backend, target } = await targetFor(t, (_request, connection) => connection.reply({ headers: { 'Content-Encoding': 'gzip' }, body: gzipSync('hello') }))
  const dispatcher = target.compose(decompress!())
  t.equal(await (await request(backend.url, { dispatcher })).body.text(), 'hello')
})

t.test('several interceptors are composed, and close and destroy reach the target through them', async t => {
  const { backend, target } = await targetFor(t, ({ header }, connection) => connection.reply({ body: header('x-mark') ?? '' }))
  const mark: Dispatcher.DispatcherComposeInterceptor = dispatch => (options, handler) => dispatch({ ...options, headers: { 'x-mark': 'made it' } }, handler)
  const dispatcher = target.compose(mark, interceptors.redirect({ maxRedirections: 1 }), interceptors.responseError())
  t.equal(await (await request(backend.url, { dispatcher })).body.text(), 'made it')
  await dispatcher.close()
  t.ok(target.closed)
  await backend.waitFor(({ open }) => open === 0)
})
