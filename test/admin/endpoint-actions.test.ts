import t from 'tap'
import type { EndpointAnswer, EndpointsAnswer, TargetDetail, TargetList } from '../../src/admin/api-shapes.js'
import { existingState } from '../../src/gateway/state.js'
import { request } from '../../testing/client.js'
import { until } from '../../testing/gateway.js'
import { parseMetrics, valueOf } from '../../testing/prometheus.js'
import { replicasFor } from '../endpoints/rig.js'
import type { Replica } from '../endpoints/rig.js'
import { post as posted, adminFor, pathOf } from './running.js'
import type { RunningAdmin } from './running.js'
import type { FakeTarget } from './fake-fleet.js'
import { endpointOf, fakeEndpoints } from './fake-fleet.js'

const TOKEN = 'a-token-that-is-long-enough-0123456789'
const AUTHORIZED = { authorization: `Bearer ${TOKEN}` }
const ONE = '10.0.0.1:3000'
const TWO = '10.0.0.2:3000'

interface Administered extends RunningAdmin { readonly fake: FakeTarget, act (endpoint: string, action: string, body?: unknown): ReturnType<RunningAdmin['ask']> }

/** A gateway with a target `a` of two endpoints. */
async function running (t: Parameters<typeof adminFor>[0], admin: { token?: string } = {}): Promise<Administered> {
  const app = await adminFor(t, { routes: [{ upstream: 'http://127.0.0.1:9', target: 'a' }], level: 'info', admin })
  const fake = fakeEndpoints(existingState(app.app)!.targets, app.target, [endpointOf(ONE), endpointOf(TWO, { weight: 3 })])
  return Object.defineProperties({}, {
    ...Object.getOwnPropertyDescriptors(app),
    fake: { value: fake },
    act: { value: async (endpoint: string, action: string, body?: unknown) => await app.ask(pathOf('a', `/endpoints/${encodeURIComponent(endpoint)}/${action}`), posted(body)) }
  }) as Administered
}

t.test('targets are shown with their endpoints, and with how discovery goes', async t => {
  const { ask, fake } = await running(t)
  const cause = Object.assign(new Error('a password'), { password: 'hush' })
  fake.discovery = { endpoints: 2, missing: 1, age: 5, answers: 7, failures: 3, fault: { kind: 'failed', message: 'it failed', cause } }
  const { targets } = (await ask('/api/targets')).json as TargetList
  const { target } = (await ask(pathOf('a'))).json as TargetDetail
  for (const shown of [targets[0]!, target]) {
    t.match(shown.endpoints, [{ address: ONE, state: 'up', weight: 1 }, { address: TWO, weight: 3, connections: { active: 0, idle: 0, connecting: 0, upgraded: 0 } }])
    t.strictSame(shown.discovery, { endpoints: 2, missing: 1, age: 5, answers: 7, failures: 3, fault: { kind: 'failed', message: 'it failed' } }, 'the cause of a fault may hold secrets')
  }
  t.strictSame((await ask(pathOf('a', '/endpoints'))).json, { endpoints: target.endpoints })
})

t.test('an endpoint is drained, ejected and brought back by its id or by its address', async t => {
  const { act, fake, ask, log } = await running(t)
  const { id } = fake.endpoints.list()[0]!
  for (const name of [id, ONE]) {
    for (const [action, state] of [['drain', 'leaving'], ['undrain', 'up'], ['eject', 'ejected'], ['restore', 'up']] as const) {
      log.length = 0
      const { status, json } = await act(name, action)
      t.equal(status, 200, action)
      t.match((json as EndpointAnswer).endpoint, { id, address: ONE, state })
      t.match(log.find(({ msg }) => /, as asked over the admin API$/.test(msg ?? '')), { level: 30, target: 'a', endpoint: id, address: ONE }, `${action} is logged`)
    }
  }
  t.match((await ask(pathOf('a'))).json, { history: { endpoints: [{ type: 'changed', endpoint: id, address: ONE, from: 'up', to: 'leaving' }, { to: 'up' }, { to: 'ejected' }] } })
})

t.test('an ejection takes a time and a cause, and nothing else', async t => {
  const { act, fake, log } = await running(t)
  t.equal((await act(ONE, 'eject')).status, 200)
  t.equal((await act(ONE, 'eject', { ms: 500, cause: 'its disk is full' })).status, 200)
  t.equal((await act(ONE, 'eject', { ms: null })).status, 200)
  t.strictSame(fake.endpoints.ejections, [
    { cause: 'asked for over the admin API' }, { ms: 500, cause: 'its disk is full' }, { ms: Infinity, cause: 'asked for over the admin API' }
  ], 'null stands for Infinity')
  t.ok(log.some(({ cause, ms }) => cause === 'its disk is full' && ms === 500))
  const refused: [unknown, RegExp][] = [
    [[], /must be an object/], ['x', /must be an object/], [{ time: 1 }, /^time: 1 is unknown/], [{ ms: 0 }, /^ms: 0 is no time/], [{ ms: -1 }, /^ms/], [{ ms: '5' }, /^ms: "5"/],
    [{ cause: '' }, /^cause: "" is no text/], [{ cause: '  ' }, /^cause/], [{ cause: 7 }, /^cause: 7/], [{ cause: 'a\nb' }, /^cause/], [{ cause: '\u202e' }, /^cause/], [{ cause: 'x'.repeat(201) }, /^cause/]
  ]
  for (const [body, message] of refused) {
    t.match(await act(ONE, 'eject', body), { status: 400, json: { code: 'HOLDFAST_ERR_OPTION', message } }, JSON.stringify(body))
  }
  t.equal(fake.endpoints.ejections.length, 3)
})

t.test('an endpoint, a target or an action that does not exist gets 404, and another method 405', async t => {
  const { act, ask } = await running(t)
  for (const action of ['drain', 'undrain', 'eject', 'restore']) {
    t.match(await act('10.0.0.3:3000', action), { status: 404, json: { code: 'HOLDFAST_ERR_UNKNOWN_ENDPOINT', message: String } }, action)
    t.match(await ask(pathOf('nobody', `/endpoints/${ONE}/${action}`), posted()), { status: 404, json: { code: 'HOLDFAST_ERR_UNKNOWN_TARGET' } }, action)
    t.match(await ask(pathOf('a', `/endpoints/${ONE}/${action}`)), { status: 405, headers: { allow: 'POST' } }, action)
  }
  t.match(await act(ONE, 'kill'), { status: 404, json: { code: 'HOLDFAST_ADMIN_PATH' } })
  t.match(await ask(pathOf('a', '/endpoints'), posted([])), { status: 405, headers: { allow: 'GET, PUT, HEAD' } })
  t.match(await ask(pathOf('nobody', '/endpoints')), { status: 404, json: { code: 'HOLDFAST_ERR_UNKNOWN_TARGET' } })
})

t.test('the endpoints are replaced by a list, as upstream takes one, all or none', async t => {
  const { ask, fake, log } = await running(t, { token: TOKEN })
  const put = async (body: unknown) => await ask(pathOf('a', '/endpoints'), { ...posted(body, AUTHORIZED), method: 'PUT' })
  const { status, json } = await put(['http://10.0.0.7:80', { url: 'http://10.0.0.8:3000', weight: 2, priority: 1 }])
  t.equal(status, 200)
  t.match((json as EndpointsAnswer).endpoints, [{ address: '10.0.0.7:80' }, { address: '10.0.0.8:3000', weight: 2, priority: 1 }])
  t.match(log.find(({ msg }) => /replaced/.test(msg ?? '')), { level: 30, target: 'a', endpoints: 2 })
  const refused: [unknown, RegExp][] = [
    [undefined, /is no list/], [{}, /is no list/], [[], /is empty/], [['10.0.0.1'], /is no URL/], [['https://10.0.0.1'], /another scheme/], [['http://10.0.0.1', 'http://10.0.0.1:80/x'], /has a path/],
    [[{ url: 'http://10.0.0.1', weight: 0 }], /is no weight/], [['unix+http://%2Frun%2Fother.sock'], /is a unix socket/]
  ]
  for (const [body, message] of refused) t.match(await put(body), { status: 400, json: { code: 'HOLDFAST_ERR_OPTION', message } }, JSON.stringify(body))
  t.strictSame(fake.endpoints.list().map(({ address }) => address), ['10.0.0.7:80', '10.0.0.8:3000'])
  const most = Array.from({ length: 1_000 }, (_, n) => ({
    url: `http://10.${n >> 8}.${n & 255}.1:30000`, weight: 0.333333333333, priority: 65_535, leaving: false, zone: 'europe-west1-b-and-more', group: 'users-7d9f8b6c54-and-a-longer-name'
  }))
  t.equal((await put(most)).status, 200, 'a list of a thousand endpoints fits')
  t.equal((await put([...most, ...most])).status, 413)
})

t.test('the token and the guard against other sites hold for every action', async t => {
  const { ask } = await running(t, { token: TOKEN })
  const paths: [string, string][] = [['PUT', '/endpoints'], ['GET', '/endpoints'], ...['drain', 'undrain', 'eject', 'restore'].map((action): [string, string] => ['POST', `/endpoints/${ONE}/${action}`])]
  for (const [method, path] of paths) {
    t.equal((await ask(pathOf('a', path), { method })).status, 401, path)
    t.equal((await ask(pathOf('a', path), { method, headers: { authorization: `Bearer ${TOKEN}`, 'sec-fetch-site': 'cross-site' } })).status, 403, path)
  }
  t.equal((await ask(pathOf('a', `/endpoints/${ONE}/drain`), posted(undefined, { authorization: `Bearer ${TOKEN}` }))).status, 200)
})

t.test('with backends: requests go where the API says, and the log, the metrics and the history tell of it', async t => {
  const replicas = await replicasFor(t, 3)
  const [one, two, three] = replicas as [Replica, Replica, Replica]
  const { ask, url, target, log, gateway } = await adminFor(t, { routes: [{ upstream: one.url, target: 'a' }], level: 'info' })
  const act = async (address: string, action: string, body?: unknown) => (await ask(pathOf('a', `/endpoints/${address}/${action}`), posted(body))).json as EndpointAnswer
  const get = async (times = 1): Promise<void> => { for (let n = 0; n < times; n++) t.equal((await request(url)).status, 200) }
  const served = (): number[] => replicas.map(({ requests }) => requests.length)
  const metrics = async () => parseMetrics((await ask('/metrics')).body.toString())
  await get()
  t.strictSame((await metrics()).get('holdfast_endpoints')?.samples, [], 'a plain target has no metrics of endpoints')

  target.endpoints.set([one.url, two.url])
  await Promise.all([get(20), get(20), get(20)])
  t.ok(served()[0]! > 5 && served()[1]! > 5, String(served()))
  t.match((await act(one.address, 'eject', { cause: 'its disk is full' })).endpoint, { state: 'ejected', cause: 'its disk is full' })
  const before = served()
  await get(10)
  t.strictSame(served(), [before[0], before[1]! + 10, 0])
  t.match(log.find(({ level }) => level === 40), { target: 'a', address: one.address, from: 'up', to: 'ejected', cause: 'its disk is full' })
  const families = await metrics()
  t.equal(valueOf(families, 'holdfast_endpoints', { target: 'a', state: 'ejected' }), 1)
  t.equal(valueOf(families, 'holdfast_endpoint_ejections_total', { target: 'a', cause: 'operator' }), 1)
  for (const [n, { address }] of [one, two].entries()) t.equal(valueOf(families, 'holdfast_endpoint_requests_total', { target: 'a', address }), served()[n], address)
  t.notOk(families.get('holdfast_connections_opened_total')?.samples.some(({ labels }) => labels.target === 'dynamic'), 'no other target is made up')

  t.match((await act(one.address, 'restore')).endpoint, { state: 'up' })
  t.match((await act(two.address, 'drain')).endpoint, { state: 'leaving' })
  const then = served()
  await get(10)
  t.strictSame(served(), [then[0]! + 10, then[1], 0])
  t.match((await act(two.address, 'undrain')).endpoint, { state: 'up' })

  target.endpoints.set([three.url])
  await get(10)
  t.equal(served()[2], 10)
  await until(() => gateway.targets.get('a')!.endpoints.list().length === 1)
  t.match((await act(one.address, 'drain')) as unknown, { code: 'HOLDFAST_ERR_UNKNOWN_ENDPOINT' })
  const { history } = (await ask(pathOf('a'))).json as TargetDetail
  const told = history.endpoints.filter(({ address }) => address === two.address).map(event => event.type === 'drained' ? 'drained' : event.to)
  t.strictSame(told, ['joining', 'up', 'leaving', 'drained', 'up', 'leaving', 'drained', 'gone'])
  t.equal(target.snapshot().endpoints[0]!.address, three.address)
})

t.test('without a token, endpoints are not replaced, since every process of the machine could send requests to itself', async t => {
  const { ask, fake } = await running(t)
  t.match(await ask(pathOf('a', '/endpoints'), { ...posted(['http://127.0.0.1:1']), method: 'PUT' }), { status: 403, json: { code: 'HOLDFAST_ADMIN_TOKEN' } })
  t.same(fake.endpoints.list().map(({ address }) => address), [ONE, TWO])
})
