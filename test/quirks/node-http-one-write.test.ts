import t from 'tap'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'

const ANSWER = { headers: { 'Content-Type': 'application/json' }, body: '{"name":"short"}' }

for (const changed of ['{"name":"Grüße, 你好"}', '{"name":"\u00ff"}', '']) {
  t.test(`a hook's own text in place of a short body arrives unchanged: ${changed}`, async t => {
    const backend = await backendFor(t, (_request, connection) => connection.reply(ANSWER))
    const { url } = await gatewayFor(t, {
      routes: [{ upstream: backend.url }],
      before: app => { app.addHook('onSend', async () => changed) }
    })
    const answer = await request(url)
    t.equal(answer.status, 200)
    t.equal(answer.body.toString(), changed)
    t.equal(answer.headers['content-length'], String(Buffer.byteLength(changed)))
  })
}

t.test('code that replaces response.end sees the short body', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply(ANSWER))
  const seen: unknown[] = []
  const { url } = await gatewayFor(t, {
    routes: [{ upstream: backend.url }],
    before: app => {
      app.addHook('onRequest', async (_request, { raw }) => {
        const { end } = raw
        raw.end = ((...args: Parameters<typeof end>) => {
          seen.push(args[0])
          return end.apply(raw, args)
        }) as typeof end
      })
    }
  })
  t.equal((await request(url)).body.toString(), ANSWER.body)
  t.strictSame(seen, [ANSWER.body])
})

t.test('answers to HEAD, and consecutive answers on a connection, keep heads and bodies apart', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply(ANSWER))
  const { url } = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  const head = await request(url, { method: 'HEAD' })
  t.equal(head.body.length, 0)
  t.equal(head.headers['content-length'], String(ANSWER.body.length))
  t.equal((await request(url)).body.toString(), ANSWER.body)
})
