import t from 'tap'
import type { ProxyOptions } from '../../src/index.js'
import { answer } from '../../testing/answer.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'

t.jobs = 3

const PASSED = { 'cdn-loop': 'holdfast, holdfast' }

t.test('a gateway that is its own backend ends a request after maxHops passes, with Via and without', async t => {
  for (const via of [true, false]) {
    let passes = 0
    const { app, url } = await gatewayFor(t, {
      gateway: { maxHops: 3, via },
      before: app => { app.addHook('onRequest', async () => { passes++ }) },
      // The address is known only after the server listens.
      routes: [{ upstream: '', replyOptions: { getUpstream: () => self } } as ProxyOptions]
    })
    const self = url
    t.equal((await request(url)).status, 508)
    t.equal(passes, 4, `via: ${via}`)
    await app.close()
  }
})

t.test('the route\'s via goes before the gateway\'s', async t => {
  const backend = await backendFor(t, (received, connection) => answer(received, connection), { log: true })
  const { url } = await gatewayFor(t, {
    gateway: { via: false },
    routes: [{ upstream: backend.url, prefix: '/silent' }, { upstream: backend.url, prefix: '/telling', via: true }]
  })
  const answers = [await request(`${url}/silent`), await request(`${url}/telling`)]
  t.same(answers.map(({ headers }) => headers['via']), [undefined, '1.1 holdfast'])
  t.same(backend.log.map(received => [received.header('via'), received.header('cdn-loop')]), [[undefined, 'holdfast'], ['1.1 holdfast', 'holdfast']])
})

t.test('headers from rewriteRequestHeaders still count every pass', async t => {
  const backend = await backendFor(t, (received, connection) => answer(received, connection), { log: true })
  const rewrites: NonNullable<NonNullable<ProxyOptions['replyOptions']>['rewriteRequestHeaders']>[] = [
    (_request, headers) => ({ host: headers['host'] }),
    (_request, headers) => ({ ...headers, 'cdn-loop': 'mine' }),
    (_request, headers) => ({ ...headers, 'CDN-Loop': `${headers['cdn-loop'] as string}, mine`, 'cdn-loop': undefined })
  ]
  const { url } = await gatewayFor(t, {
    gateway: { maxHops: 3, via: false },
    routes: rewrites.map((rewriteRequestHeaders, i) => ({ upstream: backend.url, prefix: `/${i}`, replyOptions: { rewriteRequestHeaders } }))
  })
  for (let i = 0; i < rewrites.length; i++) t.equal((await request(`${url}/${i}`, { headers: PASSED })).status, 200)
  const chain = 'holdfast, holdfast, holdfast'
  t.same(backend.log.map(received => received.header('cdn-loop')), [chain, `${chain}, mine`, `${chain}, mine`])
  t.equal((await request(`${url}/0`, { headers: { 'cdn-loop': chain } })).status, 508)
})
