import { Readable } from 'node:stream'
import t from 'tap'
import type { Test } from 'tap'
import { request as undiciRequest } from 'undici'
import type { Dispatcher } from 'undici'
import type { Target } from '../../src/index.js'
import { answer } from '../../testing/answer.js'
import type { Backend, BackendRequest } from '../../testing/backend.js'
import { backendFor, clientFor, gatewayFor, targetFor } from '../../testing/gateway.js'

/** Characters that end a line, or do so when their upper byte is cut off, and characters that no field value may have. */
const HOSTILE = ['\r\n', '\n', '\r', '\0', '\x01', '\x7f', '\u010d\u010a', '\u560d\u560a', '\ud83d\ude00', '\r\n\r\nGET /injected HTTP/1.1\r\nhost: a\r\n']
const evil = (hostile: string): string => `a${hostile}injected: 1`

type Options = Omit<Dispatcher.DispatchOptions, 'origin'>

const PLACES: ReadonlyArray<[place: string, options: (hostile: string) => Options]> = [
  ['the value of a header of an object', hostile => ({ method: 'GET', path: '/', headers: { 'x-a': evil(hostile) } })],
  ['one of several values', hostile => ({ method: 'GET', path: '/', headers: { 'x-a': ['b', evil(hostile)] } })],
  ['a value in a list', hostile => ({ method: 'GET', path: '/', headers: ['x-a', evil(hostile)] })],
  ['a value out of an iterator', hostile => ({ method: 'GET', path: '/', headers: new Map([['x-a', evil(hostile)]]) as unknown as Record<string, string> })],
  ['a name', hostile => ({ method: 'GET', path: '/', headers: { [`x-${evil(hostile)}`]: 'b' } })],
  ['a name in a list', hostile => ({ method: 'GET', path: '/', headers: [`x-${evil(hostile)}`, 'b'] })],
  ['host', hostile => ({ method: 'GET', path: '/', headers: { host: evil(hostile) } })],
  ['a length', hostile => ({ method: 'POST', path: '/', body: 'hello', headers: { 'content-length': `5${hostile}injected: 1` } })],
  ['the path', hostile => ({ method: 'GET', path: `/${evil(hostile)}` })],
  ['the path, as a version', hostile => ({ method: 'GET', path: `/ HTTP/1.1${evil(hostile)}` })],
  ['the method', hostile => ({ method: `GET${evil(hostile)}` as Dispatcher.HttpMethod, path: '/' })],
  ['upgrade', hostile => ({ method: 'GET', path: '/', upgrade: evil(hostile) })],
  ['a value beside a body that streams', hostile => ({ method: 'POST', path: '/', body: Readable.from(['hello']), headers: { 'x-a': evil(hostile) } })]
]

/** Sends a request, and resolves at its end, failed or not. */
function settled (target: Target, options: Options): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => resolve()
    const handler: Dispatcher.DispatchHandler = { onRequestStart () {}, onResponseStart () {}, onResponseData () {}, onResponseEnd: done, onResponseError: done, onRequestUpgrade: (_controller, _status, _headers, socket) => { socket.destroy(); done() } }
    try {
      target.dispatch(options as Dispatcher.DispatchOptions, handler)
    } catch {
      done()
    }
  })
}

function check (t: Test, backend: Backend, came: BackendRequest[], what: string): void {
  const malformed = backend.malformed.splice(0)
  if (malformed.length > 0) t.fail(`${what}: the backend was sent ${malformed.join()}`)
  for (const { method, path, rawHeaders } of came.splice(0)) {
    const names = rawHeaders.map(([name]) => name.toLowerCase())
    if (path.includes('injected') || !/^(?:GET|POST)$/.test(method) || names.some(name => name.includes('injected'))) t.fail(`${what}: the backend was sent ${JSON.stringify({ method, path, rawHeaders })}`)
  }
}

for (const [place, options] of PLACES) {
  t.test(`characters that could end a line never do so at a target's backend: ${place}`, async t => {
    const came: BackendRequest[] = []
    const { backend, target } = await targetFor(t, (request, connection) => {
      came.push(request)
      answer(request, connection)
    })
    for (const hostile of HOSTILE) {
      await settled(target, options(hostile))
      check(t, backend, came, JSON.stringify(hostile))
    }
    const { statusCode, body } = await undiciRequest(backend.url, { dispatcher: target })
    t.equal(statusCode, 200, 'a request behind them is answered')
    await body.dump()
    t.match(came, { length: 1 })
    t.match(target.snapshot().connections, { active: 0 })
  })
}

t.test('characters from hooks and options that could end a line never do so at a route\'s backend', async t => {
  let hostile = ''
  const backend = await backendFor(t, answer, { log: true })
  const running = await gatewayFor(t, {
    before: app => { app.addHook('onRequest', async request => { if (request.url === '/hook') request.headers['x-a'] = evil(hostile) }) },
    routes: [{ upstream: backend.url, replyOptions: { rewriteRequestHeaders: (request, headers) => request.url === '/option' ? { ...headers, 'x-a': evil(hostile), [`x-${evil(hostile)}`]: 'b' } : headers } }]
  })
  for (hostile of HOSTILE) {
    for (const path of ['/hook', '/option']) {
      const client = await clientFor(t, running)
      client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
      const { complete } = await client.response()
      t.ok(complete)
      check(t, backend, backend.log, `${path} ${JSON.stringify(hostile)}`)
    }
  }
  const client = await clientFor(t, running)
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.equal((await client.response()).status, 200, 'a request behind them is answered')
})
