// Regression: a reused socket calls back in the async context of the request that it was opened for, so hooks saw another client's store.
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Readable, Transform } from 'node:stream'
import t from 'tap'
import { request } from '../../testing/client.js'
import { persistent } from '../../testing/behaviours.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'

t.test('a reader of a streamed answer, and a listener for its end, see the store of their own request', async t => {
  const backend = await backendFor(t, async (_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none')
    await new Promise(resolve => setTimeout(resolve, 30))
    connection.write('two')
  })
  const store = new AsyncLocalStorage<string>()
  const seen: Array<[string, string, string | undefined]> = []
  const { url } = await gatewayFor(t, {
    routes: [{ upstream: backend.url }],
    before: app => {
      app.addHook('onRequest', (request, _reply, done) => store.run(request.url, done))
      app.addHook('onSend', async (request, _reply, payload) => (payload as Readable).pipe(new Transform({
        transform (chunk, _encoding, done) {
          seen.push([request.url, String(chunk), store.getStore()])
          done(null, chunk)
        }
      })))
      app.addHook('onResponse', async request => { seen.push([request.url, 'end', store.getStore()]) })
    }
  })
  for (const path of ['/first', '/second']) t.equal((await request(`${url}${path}`)).body.toString(), 'onetwo')
  t.equal(backend.accepted, 1)
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(seen, ['/first', '/second'].flatMap(path => ['one', 'two', 'end'].map(what => [path, what, path])))
})

t.test('hooks see the store of their own request, on a reused connection too', async t => {
  const backend = await backendFor(t, persistent())
  const store = new AsyncLocalStorage<string>()
  const seen: Array<[string, string | undefined, string | undefined]> = []
  let rewritten: string | undefined
  const { url } = await gatewayFor(t, {
    routes: [{ upstream: backend.url, replyOptions: { rewriteHeaders: headers => { rewritten = store.getStore(); return headers } } }],
    before: app => {
      app.addHook('onRequest', (request, _reply, done) => store.run(request.url, done))
      app.addHook('onSend', async (request, _reply, payload) => {
        seen.push([request.url, store.getStore(), rewritten])
        return payload
      })
    }
  })
  for (const path of ['/first', '/second', '/third']) t.equal((await request(`${url}${path}`)).status, 200)
  for (const path of ['/fourth', '/fifth']) t.equal((await request(`${url}${path}`, { method: 'POST', body: 'x'.repeat(100) })).status, 200)
  t.equal(backend.accepted, 1)
  t.strictSame(seen, ['/first', '/second', '/third', '/fourth', '/fifth'].map(path => [path, path, path]))
})
