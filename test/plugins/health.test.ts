import t from 'tap'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'

const ready = async (url: string): Promise<{ status: number, body: unknown }> => {
  const { status, body } = await request(`${url}/health/ready`)
  return { status, body: JSON.parse(body.toString()) as unknown }
}

t.test('health is served only with the option', async t => {
  const without = await gatewayFor(t, {})
  for (const path of ['/health/live', '/health/ready']) t.equal((await request(without.url + path)).status, 404)
  const { url } = await gatewayFor(t, { gateway: { health: true } })
  const live = await request(`${url}/health/live`)
  t.equal(live.status, 200)
  t.strictSame(JSON.parse(live.body.toString()), { status: 'live' })
  t.strictSame(await ready(url), { status: 200, body: { status: 'ready', saturated: 0 } })
})

t.test('a saturated target is counted, fails no health check, and its address is not shown', async t => {
  const release: (() => void)[] = []
  const backend = await backendFor(t, (_request, connection) => new Promise<void>(resolve => {
    release.push(() => {
      connection.reply()
      resolve()
    })
  }))
  const { url, target } = await gatewayFor(t, {
    gateway: { health: true },
    routes: [{ upstream: backend.url, prefix: '/api', undiciOptions: { connections: 1 } }]
  })
  const answers = [request(`${url}/api`), request(`${url}/api`)]
  await until(() => target.snapshot().connections.pending === 1)
  t.strictSame(await ready(url), { status: 200, body: { status: 'ready', saturated: 1 } })
  t.equal((await request(`${url}/health/live`)).status, 200)
  await backend.waitFor(() => release.length === 1)
  release[0]?.()
  await backend.waitFor(() => release.length === 2)
  release[1]?.()
  t.strictSame((await Promise.all(answers)).map(({ status }) => status), [200, 200])
  t.strictSame(await ready(url), { status: 200, body: { status: 'ready', saturated: 0 } })
})

t.test('a backend that is down fails no health check', async t => {
  const backend = await backendFor(t, () => {})
  const { url } = await gatewayFor(t, { gateway: { health: true, pool: { connectRetry: 0 } }, routes: [{ upstream: backend.url, prefix: '/api' }] })
  backend.refuse()
  t.equal((await request(`${url}/api`)).status, 502)
  t.strictSame(await ready(url), { status: 200, body: { status: 'ready', saturated: 0 } })
})

t.test('a draining app is alive and not ready', async t => {
  const { app, gateway } = await gatewayFor(t, { gateway: { health: true, drain: { delay: 60_000, deadline: 100 } } })
  t.equal((await app.inject('/health/ready')).statusCode, 200)
  const drained = gateway.drain()
  const { statusCode, body } = await app.inject('/health/ready')
  t.equal(statusCode, 503)
  t.match(JSON.parse(body), { status: 'draining' })
  t.equal((await app.inject('/health/live')).statusCode, 200)
  await app.close()
  // Closing the app ends the delay; otherwise this would take a minute.
  await drained
})

t.test('health answers contain no address', async t => {
  const { url } = await gatewayFor(t, { gateway: { health: true }, routes: [{ upstream: 'http://127.0.0.1:9', prefix: '/api' }] })
  t.notMatch((await request(`${url}/health/ready`)).body.toString(), /127\.0\.0\.1|:9/)
})
