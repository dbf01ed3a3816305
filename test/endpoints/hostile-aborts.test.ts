import t from 'tap'
import { outstanding, send, within } from './acts.js'
import { replicasFor, targetFor } from './rig.js'

t.test('a request that an observer of its new connection gives up is in flight nowhere', async t => {
  const replicas = await replicasFor(t, 2)
  const { target } = targetFor(t, replicas)
  const abort = new AbortController()
  within(target, 'acquired', () => abort.abort())
  t.equal(await send(target, { signal: abort.signal }), DOMException.ABORT_ERR)
  t.same(outstanding(target), [0, 0])
})

t.test('a request that an observer of its retry gives up is in flight nowhere, and is not sent again', async t => {
  const replicas = await replicasFor(t, 2, () => (request, response) => {
    if (request.url === '/lost') request.socket.destroy()
    else response.end('ok')
  })
  const { target } = targetFor(t, replicas)
  for (let n = 0; n < 10; n++) await send(target)
  const abort = new AbortController()
  within(target, 'retried', () => abort.abort())
  t.equal(await send(target, { signal: abort.signal, path: '/lost' }), DOMException.ABORT_ERR)
  t.same(outstanding(target), [0, 0])
  t.equal(replicas.flatMap(({ requests }) => requests).filter(request => request === 'GET /lost').length, 1)
})
