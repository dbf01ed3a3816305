import t from 'tap'
import { SmallGateway } from './small-gateway.js'
import type { Mode } from './small-gateway.js'

/** Ten endpoints under 500 requests/s; the first one behaves so from 5 s to 30 s. */
function during (mode: Mode): SmallGateway {
  const gateway = new SmallGateway(10)
  gateway.run(5_000)
  const [first] = gateway.endpoints
  first!.mode = mode
  // A process that ends takes its connections with it. Those on which a request was under way answer it.
  if (mode === 'refuses') first!.connections = 0
  gateway.run(30_000)
  first!.mode = 'answers'
  gateway.run(60_000)
  return gateway
}

t.test('an endpoint that refuses loses no request, and is back within 0.5 s of its return', async t => {
  const gateway = during('refuses')
  const [first] = gateway.endpoints
  t.same(gateway.lost, { GET: 0, POST: 0 })
  t.equal(first!.ejections, 1)
  t.ok(first!.returnedAt - 30_000 <= 500, `${first!.returnedAt - 30_000} ms`)
  t.same(gateway.endpoints.slice(1).filter(({ ejections }) => ejections > 0), [])
})

t.test('an endpoint that resets is soon ejected; no GET is lost, and a POST only where it was written', async t => {
  const gateway = during('resets')
  const [first] = gateway.endpoints
  t.equal(gateway.lost.GET, 0)
  t.ok(gateway.lost.POST < 30, `${gateway.lost.POST} POSTs`)
  t.ok(first!.ejections >= 1)
  t.equal(first!.life.state, 'up')
  t.same(gateway.endpoints.slice(1).filter(({ ejections }) => ejections > 0), [])
})

t.test('an endpoint that freezes costs the requests that it had, and one at a time after that', async t => {
  const gateway = during('freezes')
  const [first] = gateway.endpoints
  const lost = gateway.lost.GET + gateway.lost.POST
  t.ok(lost < 100, `${lost} requests`)
  t.ok(first!.ejections >= 1)
  t.equal(first!.life.state, 'up', 'it is back')
  t.same(gateway.endpoints.slice(1).filter(({ ejections }) => ejections > 0), [])
})

t.test('connections that are closed at 5 % of their uses eject no endpoint, and lose no GET', async t => {
  const gateway = new SmallGateway(10)
  for (const endpoint of gateway.endpoints) endpoint.stale = 0.05
  gateway.run(60_000)
  t.same(gateway.endpoints.filter(({ ejections }) => ejections > 0), [])
  t.equal(gateway.lost.GET, 0)
})

t.test('when nine of ten fail, half of them are ejected, and the last one serves', async t => {
  for (const mode of ['refuses', 'resets'] as const) {
    const gateway = new SmallGateway(10)
    gateway.run(5_000)
    for (const endpoint of gateway.endpoints.slice(1)) {
      endpoint.mode = mode
      if (mode === 'refuses') endpoint.connections = 0
    }
    gateway.run(20_000)
    const ejected = gateway.endpoints.filter(({ life }) => life.state === 'ejected').length
    t.ok(ejected <= 5 && ejected > 0, `${mode}: ${ejected}`)
    t.equal(gateway.endpoints[0]!.ejections, 0)
    if (mode === 'refuses') t.same(gateway.lost, { GET: 0, POST: 0 })
    for (const endpoint of gateway.endpoints) endpoint.mode = 'answers'
    gateway.run(120_000)
    t.same(gateway.endpoints.filter(({ life, refusing }) => life.state !== 'up' || refusing), [], `${mode}: all are back`)
  }
})

t.test('when all fail and return, all are back', async t => {
  for (const mode of ['refuses', 'resets', 'freezes'] as const) {
    const gateway = new SmallGateway(4)
    gateway.run(5_000)
    for (const endpoint of gateway.endpoints) endpoint.mode = mode
    gateway.run(15_000)
    for (const endpoint of gateway.endpoints) endpoint.mode = 'answers'
    gateway.run(90_000)
    t.same(gateway.endpoints.filter(({ life, refusing }) => life.state !== 'up' || refusing), [], mode)
    const { GET, POST } = gateway.served
    gateway.run(91_000)
    t.equal(gateway.served.GET + gateway.served.POST - GET - POST, 500, `${mode}: all requests are served again`)
  }
})
