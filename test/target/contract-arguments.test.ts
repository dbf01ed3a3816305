import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import t from 'tap'
import { errors } from 'undici'
import type { Dispatcher } from 'undici'
import { targetFor } from '../../testing/gateway.js'
import { contractFor, kindOf, tellNewer, tellOlder } from '../../testing/undici-contract.js'

// A target refuses what undici refuses, with the same error, in the same way, and before it acquires a connection.

type Options = Record<string, unknown>

const REFUSED: [title: string, options: Options][] = [
  ['no path', { path: undefined }],
  ['a path without a slash', { path: 'a' }],
  ['an empty path', { path: '' }],
  ['a path of another scheme', { path: 'ftp://a/' }],
  ['a path with a space', { path: '/a b' }],
  ['a path with a line break', { path: '/a\r\nx: y' }],
  ['a path that is no latin1', { path: '/\u{1f600}' }],
  ['no method', { method: undefined }],
  ['a method that is no token', { method: 'GET /' }],
  ['an empty method', { method: '' }],
  ['an upgrade that is no text', { upgrade: 1 }],
  ['an upgrade with a line break', { upgrade: 'a\r\nb' }],
  ['a headersTimeout below 0', { headersTimeout: -1 }],
  ['a headersTimeout that is no number', { headersTimeout: '1' }],
  ['an endless bodyTimeout', { bodyTimeout: Infinity }],
  ['a bodyTimeout that is no number', { bodyTimeout: Number.NaN }],
  ['a reset that is no flag', { reset: 1 }],
  ['an expectContinue that is no flag', { expectContinue: 'yes' }],
  ['throwOnError', { throwOnError: true }],
  ['maxRedirections', { maxRedirections: 1 }],
  ['a typeOfService that is no byte', { typeOfService: 256 }],
  ['a broken typeOfService', { typeOfService: 1.5 }],
  ['a body that is none', { method: 'POST', body: {} }],
  ['a number for a body', { method: 'POST', body: 1 }],
  ['a flag for a body', { method: 'POST', body: true }],
  ['a query beside a query', { path: '/?a=b', query: { c: 1 } }],
  ['a query beside a fragment', { path: '/#a', query: { c: 1 } }],
  ['half a header', { headers: ['x-a'] }],
  ['headers that are text', { headers: 'x-a: 1' }],
  ['pairs that are none', { headers: new Set(['x-a']) }],
  ['a pair of three', { headers: new Set([['x-a', '1', '2']]) }],
  ['a header name that is no token', { headers: { 'x a': '1' } }],
  ['an empty header name', { headers: { '': '1' } }],
  ['a header name with a line break', { headers: ['x-a\r\nx-b', '1'] }],
  ['a header value with a line break', { headers: { 'x-a': 'a\r\nb' } }],
  ['a header value with a control character', { headers: { 'X-A': 'a\x00' } }],
  ['a header value that is no latin1', { headers: { 'x-a': '\u20ac' } }],
  ['an object for a value', { headers: { 'x-a': {} } }],
  ['a bad value among several', { headers: { 'x-a': ['a', 'b\n'] } }],
  ['an object among several', { headers: { 'x-a': ['a', {}] } }],
  ['a value that turns into a line break', { headers: { 'x-a': Object.assign(() => {}, { toString: () => '\n' }) } }],
  ['two hosts', { headers: ['host', 'a', 'Host', 'b'] }],
  ['several values for host', { headers: { host: ['a', 'b'] } }],
  ['two lengths', { headers: ['content-length', '1', 'content-length', '1'] }],
  ['a length with a sign', { headers: { 'content-length': '+1' } }],
  ['an empty length', { headers: { 'content-length': '' } }],
  ['several values for length', { headers: { 'content-length': ['1'] } }],
  ['transfer-encoding', { headers: { 'Transfer-Encoding': 'chunked' } }],
  ['keep-alive', { headers: { 'Keep-Alive': '300' } }],
  ['upgrade among the headers', { headers: { Upgrade: 'h2c' } }],
  ['a connection that is no list of tokens', { headers: { connection: 'close, ' } }],
  ['several values for connection', { headers: { connection: ['close', 'x'] } }],
  ['expect', { headers: { Expect: '100-continue' } }],
  ['a form\'s length that is wrong', { method: 'POST', body: 'hello', headers: { 'content-length': '4' } }]
]

t.test('undici and a target refuse the same options with the same errors, in both dialects', async t => {
  const { backend, both } = await contractFor(t, (_request, connection) => connection.reply())
  for (const [title, options] of REFUSED) {
    for (const [dialect, tell] of [['older', tellOlder], ['newer', tellNewer]] as const) {
      const [client, target] = await both(async dispatcher => (await tell(dispatcher, options)).filter(([name]) => name !== 'onRequestSent'))
      t.match(client.at(-1)?.[0], /^on(Response)?Error$/, `${title}: undici refuses`)
      t.same(target, client, `${title}, ${dialect}`)
    }
  }
  t.equal(backend.requests, 0)
})

t.test('a refusal reaches the handler within dispatch, which returns false', async t => {
  const { target } = await contractFor(t, (_request, connection) => connection.reply())
  let told: unknown
  const returned = target.dispatch({ path: 'a', method: 'GET' }, { onRequestStart: () => {}, onResponseError: (_controller, error) => { told = error } })
  t.equal(returned, false)
  t.ok(told instanceof errors.InvalidArgumentError, 'of undici\'s own class')
  t.match(target.snapshot(), { totals: { requests: 0 }, connections: { connecting: 0, active: 0 } })
  const accepted = new Promise(resolve => {
    t.equal(target.dispatch({ path: '/', method: 'GET' }, { onRequestStart: () => {}, onResponseEnd: resolve, onResponseError: resolve }), true)
  })
  await accepted
})

const older = (without: string, more: object = {}): Options => {
  const handler: Options = { onConnect () {}, onHeaders () {}, onData () {}, onComplete () {}, onError () {}, ...more }
  delete handler[without]
  return handler
}

t.test('undici and a target refuse a handler that lacks a callback with the same error', async t => {
  const { both } = await contractFor(t, (_request, connection) => connection.reply())
  const dispatched = (dispatcher: Dispatcher, handler: unknown, options: unknown = { path: '/', method: 'GET' }): unknown => {
    let told: unknown = 'nothing'
    const listening = typeof handler === 'object' && handler !== null && 'onError' in handler ? { ...handler, onError: (error: Error) => { told = kindOf(error) } } : handler
    try {
      return [dispatcher.dispatch(options as Dispatcher.DispatchOptions, listening as Dispatcher.DispatchHandler), told]
    } catch (error) {
      return ['thrown', kindOf(error), told]
    }
  }
  const cases: [title: string, handler: unknown, options?: unknown][] = [
    ['none', undefined],
    ['a function', () => {}],
    ['an empty one', {}],
    ['no onConnect', older('onConnect')],
    ['no onError', older('onError')],
    ['no onHeaders', older('onHeaders')],
    ['no onData', older('onData')],
    ['no onComplete', older('onComplete')],
    ['an onBodySent that is none', older('', { onBodySent: 1 })],
    ['no onUpgrade for an upgrade', older('onUpgrade'), { path: '/', method: 'GET', upgrade: 'chat' }],
    ['no onUpgrade for CONNECT', older('onUpgrade'), { path: 'a:1', method: 'CONNECT' }],
    ['no options', older(''), null],
    ['text for options', older(''), '/'],
    ['no onResponseError, and a path that is refused', { onRequestStart () {} }, { path: 'a', method: 'GET' }]
  ]
  for (const [title, handler, ...options] of cases) {
    const [client, target] = await both(async dispatcher => dispatched(dispatcher, handler, ...options.length === 0 ? [] : options as [unknown]))
    t.same(target, client, title)
  }
})

t.test('request, stream, upgrade and connect reject with undici\'s errors', async t => {
  const { both } = await contractFor(t, (_request, connection) => connection.reply())
  const failure = async (promise: Promise<unknown>): Promise<unknown> => promise.then(() => 'none', kindOf)
  const calls: ((dispatcher: Dispatcher) => Promise<unknown>)[] = [
    dispatcher => dispatcher.request({ path: 'a', method: 'GET' }),
    dispatcher => dispatcher.request({ path: '/', method: 'CONNECT' as 'GET' }),
    dispatcher => dispatcher.stream({ path: '/', method: 'GET', headers: { expect: 'x' } }, () => { throw new Error('not reached') }),
    dispatcher => dispatcher.upgrade({ path: '/', protocol: 'a\nb' }),
    dispatcher => dispatcher.connect({ path: 'a b' } as Dispatcher.ConnectOptions)
  ]
  for (const call of calls) {
    const [client, target] = await both(dispatcher => failure(call(dispatcher)))
    t.not(client, 'none')
    t.same(target, client)
  }
})

t.test('a refusal leaves the body to its caller, which gets the error', async t => {
  const { target } = await targetFor(t, (_request, connection) => connection.reply())
  const body = Readable.from(['a'])
  await t.rejects(target.request({ path: '/', method: 'POST', body, headers: { 'keep-alive': '1' } }), { code: 'UND_ERR_INVALID_ARG' })
  t.ok(body.destroyed, 'undici\'s request() destroys it')
})

t.test('a message whose request is refused stays unread, and may fail later', async t => {
  const { target } = await targetFor(t, (_request, connection) => connection.reply())
  const body = new IncomingMessage(new Socket())
  body.push('unread')
  let told: Error | undefined
  target.dispatch({ path: '/', method: 'POST', body, headers: { expect: 'x' } }, { onRequestStart () {}, onResponseError: (_controller, error) => { told = error } })
  t.match(told, { code: 'UND_ERR_NOT_SUPPORTED' })
  await new Promise(resolve => setImmediate(resolve))
  t.equal(body.read()?.toString(), 'unread')
  const closed = new Promise(resolve => body.once('close', resolve))
  body.on('error', () => {}).destroy(new Error('gone'))
  await closed
})
