import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { TargetSummaries } from '../../src/admin/api-shapes.js'
import { EventStreams } from '../../src/admin/event-streams.js'
import { existingState } from '../../src/gateway/state.js'
import type { ConnectionObserver, ConnectionView } from '../../src/index.js'
import { persistent } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { backendFor, clientFor, until } from '../../testing/gateway.js'
import { endpointOf, fakeEndpoints } from './fake-fleet.js'
import { adminFor } from './running.js'

type Scope = Pick<Test, 'teardown'>
type Data = Record<string, unknown>

/** A reader of an event stream. */
interface Reader {
  /** The next event of a type; events before it are skipped. Rejects if the stream ends before. */
  next (type: string): Promise<Data>
  /** Resolves when the stream has ended without an error. */
  ended (): Promise<void>
  leave (): void
}

async function readerOf (t: Scope, url: string): Promise<Reader> {
  const leaving = new AbortController()
  t.teardown(() => leaving.abort())
  const response = await fetch(url, { signal: leaving.signal })
  if (response.status !== 200 || response.headers.get('content-type') !== 'text/event-stream') throw new Error(`${url} is no event stream: ${response.status}`)
  const chunks = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  /** The next event, or undefined at the end. */
  const event = async (): Promise<{ type: string, data: Data } | undefined> => {
    for (;;) {
      const [, type, data] = /^event: (.*)\ndata: (.*)\n\n/.exec(text) ?? []
      if (type !== undefined) {
        text = text.slice(text.indexOf('\n\n') + 2)
        return { type, data: JSON.parse(data!) as Data }
      }
      const { done, value } = await chunks.read()
      if (done) return undefined
      text += value
    }
  }
  return {
    async next (type) {
      for (;;) {
        const found = await event()
        if (found === undefined) throw new Error(`the stream ended before an event ${type}`)
        if (found.type === type) return found.data
      }
    },
    async ended () { while (await event() !== undefined); },
    leave: () => leaving.abort()
  }
}

/** A server that has only event streams. */
async function streamsFor (t: Scope, source: ConstructorParameters<typeof EventStreams>[0], interval?: number): Promise<{ streams: EventStreams, url: string, port: number }> {
  const streams = new EventStreams(source, interval)
  const server = createServer((_request, response) => streams.add(response, { 'x-a': '1' }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    streams.end()
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { streams, url: `http://127.0.0.1:${port}`, port }
}

const CONNECTION: ConnectionView = { target: 'a', id: 1, served: 1, age: 1, trial: false }

t.test('a stream begins with a snapshot and reports connections that open and close', async t => {
  const backend = await backendFor(t, persistent())
  const { admin, url, target } = await adminFor(t, { routes: [{ upstream: backend.url, target: 'a' }] })
  const before = Date.now()
  const reader = await readerOf(t, `${admin.url}/api/events`)
  t.match(await reader.next('snapshot'), { at: Number, targets: [{ name: 'a', totals: { requests: 0 } }] })
  await request(url)
  const opened = await reader.next('opened')
  t.match(opened, { at: Number, target: 'a', connection: Number, connectMs: Number })
  t.ok(Number(opened['at']) >= before && Number(opened['at']) <= Date.now())
  target.evict()
  t.strictSame(Object.keys(await reader.next('closed').then(closed => {
    t.match(closed, { target: 'a', connection: opened['connection'], reason: 'evicted', idleMs: Number, served: 1, age: Number })
    return closed
  })), ['at', 'target', 'endpoint', 'connection', 'reason', 'idleMs', 'served', 'age'])
  t.match(await reader.next('snapshot'), { targets: [{ name: 'a', totals: { requests: 1 } }] }, 'and goes on with snapshots')
})

t.test('a stream reports persistence, failed requests and failed dials', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reset())
  const { admin, url, gateway } = await adminFor(t, {
    routes: [{ upstream: backend.url, prefix: '/a', target: 'a' }, { upstream: 'http://127.0.0.1:1', prefix: '/b', target: 'b', pool: { connectRetry: 0 } }]
  })
  const reader = await readerOf(t, `${admin.url}/api/events`)
  await reader.next('snapshot')
  gateway.targets.get('a')!.setPersistence('non-persistent', 'a test says so')
  t.match(await reader.next('persistence'), { at: Number, target: 'a', from: 'persistent', to: 'non-persistent', cause: 'a test says so' })
  t.equal((await request(`${url}/a`)).status, 502)
  const closed = await reader.next('closed')
  t.match(closed, { target: 'a', reason: 'backend_active', idleMs: null })
  t.match(await reader.next('failure'), { at: Number, target: 'a', code: 'HOLDFAST_ERR_CONNECTION_LOST', provenance: { target: 'a', connection: closed['connection'] } })
  t.equal((await request(`${url}/b`)).status, 502)
  t.match(await reader.next('dial-failed'), { at: Number, target: 'b', code: 'ECONNREFUSED', ms: Number })
  t.match(await reader.next('failure'), { target: 'b', code: 'HOLDFAST_ERR_CONNECT' })
})

t.test('a stream reports endpoints that change and that have drained, and counts them in each snapshot', async t => {
  const { admin, app, target } = await adminFor(t, { routes: [{ upstream: 'http://127.0.0.1:1', target: 'a' }] })
  const { targets } = existingState(app)!
  const { endpoints } = fakeEndpoints(targets, target, [
    endpointOf('10.0.0.1:80'), endpointOf('10.0.0.2:80', { refusing: true }), endpointOf('10.0.0.3:80', { state: 'joining' }),
    endpointOf('10.0.0.4:80', { state: 'leaving', refusing: true }), endpointOf('10.0.0.5:80', { state: 'ejected' }), endpointOf('10.0.0.6:80', { state: 'gone' })
  ])
  const reader = await readerOf(t, `${admin.url}/api/events`)
  const { targets: [shown] } = await reader.next('snapshot') as unknown as TargetSummaries
  t.strictSame(shown!.endpointCounts, { joining: 1, up: 2, ejected: 1, leaving: 1, refusing: 1 })
  t.notOk('endpoints' in shown!, 'a list each second would be long')
  endpoints.eject('10.0.0.1:80', { cause: 'a test says so' })
  const { id } = endpoints.list()[0]!
  const changed = await reader.next('endpoint')
  t.match(changed, { at: Number, target: 'a', endpoint: id, address: '10.0.0.1:80', from: 'up', to: 'ejected', cause: 'a test says so' })
  targets.observers.endpointChanged('a', { endpoint: 'e2', address: '10.0.0.7:80', from: undefined, to: 'joining', cause: 'it is new' })
  t.strictSame(Object.keys(await reader.next('endpoint').then(joined => {
    t.match(joined, { endpoint: 'e2', from: null, to: 'joining' })
    return joined
  })), ['at', 'target', 'endpoint', 'address', 'from', 'to', 'cause'])
  targets.observers.endpointDrained('a', 'e2', '10.0.0.7:80')
  const { at, ...drained } = await reader.next('endpoint-drained')
  t.type(at, 'number')
  t.strictSame(drained, { target: 'a', endpoint: 'e2', address: '10.0.0.7:80' })
})

t.test('events of connections name their endpoint', async t => {
  let observer: ConnectionObserver = {}
  const { url } = await streamsFor(t, { observe: given => { observer = given; return () => {} }, snapshot: () => ({}) }, 60_000)
  const reader = await readerOf(t, url)
  await reader.next('snapshot')
  observer.opened?.({ ...CONNECTION, endpoint: 'e1' }, 1)
  t.match(await reader.next('opened'), { endpoint: 'e1', connection: 1 })
  observer.closed?.({ ...CONNECTION, endpoint: 'e1' }, 'endpoint_gone', 5)
  t.match(await reader.next('closed'), { endpoint: 'e1', reason: 'endpoint_gone' })
  observer.dialFailed?.('a', 'ECONNREFUSED', 1, 'e1')
  t.match(await reader.next('dial-failed'), { endpoint: 'e1', code: 'ECONNREFUSED' })
  observer.persistenceChanged?.('a', 'persistent', 'non-persistent', 'x', 'e1')
  t.match(await reader.next('persistence'), { endpoint: 'e1', to: 'non-persistent' })
})

t.test('HEAD gets no stream, and does not count as one', async t => {
  const { ask } = await adminFor(t)
  const { status, headers, body } = await ask('/api/events', { method: 'HEAD' })
  t.same([status, headers['content-type'], body.length], [200, 'text/event-stream', 0])
})

t.test('there are at most sixteen streams, and a stream that ends makes room', async t => {
  const { admin, ask } = await adminFor(t)
  const readers = await Promise.all(Array.from({ length: 16 }, async () => await readerOf(t, `${admin.url}/api/events`)))
  t.match(await ask('/api/events'), { status: 503, json: { code: 'HOLDFAST_ADMIN_STREAMS', message: String } })
  readers[7]!.leave()
  for (;;) {
    const reader = await readerOf(t, `${admin.url}/api/events`).catch(() => undefined)
    if (reader === undefined) continue
    await reader.next('snapshot')
    break
  }
  await readers[0]!.next('snapshot')
})

t.test('closing the app ends the streams without waiting for readers', async t => {
  const { admin, app } = await adminFor(t)
  const reader = await readerOf(t, `${admin.url}/api/events`)
  const stuck = await clientFor(t, admin)
  stuck.write(`GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:${admin.port}\r\n\r\n`)
  stuck.socket.pause()
  await reader.next('snapshot')
  const began = performance.now()
  await app.close()
  await reader.ended()
  t.ok(performance.now() - began < 2_000)
})

t.test('nothing is observed without a reader', async t => {
  const observers = new Set<ConnectionObserver>()
  const { url, streams } = await streamsFor(t, {
    observe: observer => {
      observers.add(observer)
      return () => { observers.delete(observer) }
    },
    snapshot: () => ({})
  })
  t.equal(observers.size, 0)
  const [one, two] = [await readerOf(t, url), await readerOf(t, url)]
  t.equal(observers.size, 1)
  one.leave()
  await until(() => streams.size === 1)
  t.equal(observers.size, 1)
  two.leave()
  await until(() => streams.size === 0)
  t.equal(observers.size, 0)
  const again = await readerOf(t, url)
  t.same(await again.next('snapshot'), {})
  t.equal(observers.size, 1)
})

t.test('events beyond 500 between two snapshots are only counted', async t => {
  let observer: ConnectionObserver | undefined
  const { url, streams } = await streamsFor(t, {
    observe: given => {
      observer = given
      return () => {}
    },
    snapshot: () => ({})
  }, 200)
  const reader = await readerOf(t, url)
  await reader.next('snapshot')
  await reader.next('snapshot')
  for (let i = 0; i < 620; i++) observer!.opened!({ ...CONNECTION, id: i }, 1)
  for (let i = 0; i < 500; i++) t.equal((await reader.next('opened'))['connection'], i)
  t.same(await reader.next('skipped'), { count: 120 })
  await reader.next('snapshot')
  observer!.opened!({ ...CONNECTION, id: 700 }, 1)
  t.equal((await reader.next('opened'))['connection'], 700)
  t.equal(streams.size, 1)
})

t.test('a reader that stops reading is dropped, and the others continue', async t => {
  const { url, port, streams } = await streamsFor(t, { observe: () => () => {}, snapshot: () => ({ much: 'x'.repeat(200_000) }) }, 2)
  const stuck = await clientFor(t, { port })
  stuck.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => streams.size === 1)
  stuck.socket.pause()
  const reader = await readerOf(t, url)
  t.equal(streams.size, 2)
  while (streams.size > 1) await reader.next('snapshot')
  await reader.next('snapshot')
  t.equal(streams.size, 1)
  stuck.socket.resume()
  await stuck.ended
})
