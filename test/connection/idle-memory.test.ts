import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { persistent } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

t.test('an idle connection keeps nothing of its last request or client in memory', async t => {
  const backend = await backendFor(t, persistent())
  const gone: Array<WeakRef<object>> = []
  const { url, target } = await gatewayFor(t, {
    routes: [{ upstream: backend.url }],
    before: app => {
      app.addHook('onResponse', async (request, reply) => {
        for (const object of [request, reply, request.raw, reply.raw, request.raw.socket]) gone.push(new WeakRef(object))
      })
    }
  })
  t.equal((await request(url)).status, 200)
  t.equal((await request(url, { method: 'POST', body: 'x'.repeat(100) })).status, 200)
  await until(() => {
    collect()
    return gone.length === 10 && gone.every(reference => reference.deref() === undefined)
  }, 'the garbage to be gone')
  t.equal(target.snapshot().connections.idle, 1)
  t.equal(backend.accepted, 1)
})
