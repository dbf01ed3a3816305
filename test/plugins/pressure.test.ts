import underPressure from '@fastify/under-pressure'
import t from 'tap'
import { persistent } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'

// Below the size of any process, so that it is under pressure from the first sample.
const PRESSED = { maxHeapUsedBytes: 1, sampleInterval: 10 }

t.test('under pressure requests get a 503 and do not reach a backend', async t => {
  const backend = await backendFor(t, persistent())
  const { app, url, target } = await gatewayFor(t, { gateway: { pressure: PRESSED }, routes: [{ upstream: backend.url }] })
  await until(() => app.isUnderPressure())
  const { status, headers, body } = await request(url)
  t.equal(status, 503)
  t.match(headers['retry-after'], /^[1-9]\d*$/, 'in whole seconds')
  t.notMatch(body.toString(), /127\.0\.0\.1|heap|node_modules/)
  t.equal(backend.accepted, 0)
  t.equal(target.snapshot().totals.requests, 0)
})

t.test('liveness is exempt, readiness is not', async t => {
  const { app, url } = await gatewayFor(t, { gateway: { pressure: PRESSED, health: true } })
  await until(() => app.isUnderPressure())
  t.equal((await request(`${url}/health/live`)).status, 200)
  const { status, body } = await request(`${url}/health/ready`)
  t.equal(status, 503)
  t.match(JSON.parse(body.toString()), { status: 'pressure' })
})

t.test('pressure: false switches the guard off', async t => {
  const { app, url } = await gatewayFor(t, { gateway: { pressure: false, health: true } })
  t.notOk(app.hasDecorator('isUnderPressure'))
  t.equal((await request(`${url}/health/ready`)).status, 200)
})

t.test('by default the guard is on, and the process is under no pressure', async t => {
  const backend = await backendFor(t, persistent())
  const { app, url } = await gatewayFor(t, { gateway: { pressure: undefined }, routes: [{ upstream: backend.url }] })
  t.ok(app.hasDecorator('isUnderPressure'))
  for (let n = 0; n < 5; n++) t.equal((await request(url)).status, 200)
  t.notOk(app.isUnderPressure())
})

t.test('an app that has under-pressure already keeps its own', async t => {
  const backend = await backendFor(t, persistent())
  const { app, url } = await gatewayFor(t, {
    before: async app => { await app.register(underPressure, { ...PRESSED, message: 'the app\'s own words' }) },
    gateway: { pressure: {}, health: true },
    routes: [{ upstream: backend.url, prefix: '/api' }]
  })
  await until(() => app.isUnderPressure())
  const { status, body } = await request(`${url}/api`)
  t.equal(status, 503)
  t.match(body.toString(), 'the app\'s own words')
  t.equal((await request(`${url}/health/live`)).status, 200)
})

t.test('a backend that hangs and a full queue put no pressure on other targets', async t => {
  const hung = await backendFor(t, () => {})
  const well = await backendFor(t, persistent())
  const { app, url, gateway } = await gatewayFor(t, {
    gateway: { pressure: {}, health: true },
    routes: [
      { upstream: hung.url, prefix: '/hung', target: 'hung', undiciOptions: { connections: 1 }, pool: { maxPending: 2 } },
      { upstream: well.url, prefix: '/well' }
    ]
  })
  const left = Array.from({ length: 3 }, () => request(`${url}/hung`).catch(() => {}))
  await until(() => gateway.targets.get('hung')?.snapshot().connections.pending === 2)
  t.equal((await request(`${url}/hung`)).status, 503, 'the queue is full')
  t.notOk(app.isUnderPressure())
  for (let n = 0; n < 5; n++) t.equal((await request(`${url}/well`)).status, 200)
  t.equal((await request(`${url}/health/ready`)).status, 200)
  await app.close()
  await Promise.all(left)
})
