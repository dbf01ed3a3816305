import { setTimeout as wait } from 'node:timers/promises'
import Fastify from 'fastify'
import t from 'tap'
import type { TargetDetail, TargetList } from '../../src/admin/api-shapes.js'
import { gateway } from '../../src/index.js'
import type { AdminOptions, TargetSnapshot } from '../../src/index.js'
import { persistent, phpServer } from '../../testing/behaviours.js'
import { certificates } from '../../testing/certificates.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'
import { adminFor, pathOf, post } from './running.js'

const UPSTREAM = 'http://127.0.0.1:9'

t.test('there is no admin surface unless it is asked for', async t => {
  const { app, gateway } = await gatewayFor(t, {})
  await app.ready()
  t.equal(gateway.admin, undefined)
})

t.test('it listens on this machine alone, and nothing of it is on the clients\' port', async t => {
  const { gateway, admin, url, ask } = await adminFor(t)
  t.match(gateway.admin, { url: /^http:\/\/127\.0\.0\.1:\d+$/ })
  t.not(admin.url, url)
  for (const path of ['/', '/api/targets', '/api/events', '/metrics', '/uplot.js', '/close-reason.js']) {
    t.equal((await ask(path, { method: 'HEAD' })).status, 200, path)
    t.equal((await request(url + path)).status, 404, path)
  }
})

t.test('an invalid option is refused at register', async t => {
  const cases: [unknown, RegExp][] = [
    [true, /^gateway: admin: true must be an object/],
    [{}, /^gateway: admin\.port: undefined is no port/],
    [{ port: '9090' }, /^gateway: admin\.port: "9090"/],
    [{ port: 65_536 }, /^gateway: admin\.port: 65536/],
    [{ port: 0, prot: 1 }, /^gateway: admin\.prot: 1 is unknown; did you mean port/],
    [{ port: 0, host: 7 }, /^gateway: admin\.host: 7/],
    [{ port: 0, host: '0.0.0.0' }, /^gateway: admin\.host: "0\.0\.0\.0" .*token/],
    [{ port: 0, host: '::' }, /^gateway: admin\.host: "::"/],
    [{ port: 0, host: 'gateway.internal' }, /^gateway: admin\.host/],
    [{ port: 0, token: '' }, /^gateway: admin\.token/],
    [{ port: 0, token: 'a secret' }, /^gateway: admin\.token/],
    [{ port: 0, token: 12345678 }, /^gateway: admin\.token: is not a string of printable ASCII characters without spaces; make one with: openssl rand -hex 32$/],
    [{ port: 0, token: '0123456789abcde' }, /^gateway: admin\.token: has fewer than 16 characters, so it can be guessed; make one with: openssl rand -hex 32$/],
    [{ port: 0, required: 1 }, /^gateway: admin\.required: 1/]
  ]
  for (const [admin, message] of cases) {
    const app = Fastify()
    await t.rejects(async () => await app.register(gateway, { admin: admin as AdminOptions }), { code: 'HOLDFAST_ERR_OPTION', message }, String(message))
    await app.close()
  }
  for (const token of ['a secret', '12 34', 'hush']) {
    const app = Fastify()
    await t.rejects(async () => await app.register(gateway, { admin: { port: 0, token } }), new RegExp(`^(?!.*${token})`), 'a token is not repeated')
    await app.close()
  }
})

t.test('targets are listed with their values, and null for an unlimited option', async t => {
  const { ask, gateway } = await adminFor(t, { routes: [{ upstream: UPSTREAM, prefix: '/a', undiciOptions: { connections: Infinity } }, { upstream: UPSTREAM, prefix: '/b', target: 'b/ü %' }] })
  const before = Date.now()
  const { status, headers, json } = await ask('/api/targets')
  t.equal(status, 200)
  t.match(headers['content-type'], 'application/json')
  const { at, targets } = json as TargetList
  t.ok(at >= before && at <= Date.now())
  t.same(targets.map(({ name }) => name), [UPSTREAM, 'b/ü %'])
  const expected = JSON.parse(JSON.stringify(gateway.targets.get(UPSTREAM)!.snapshot())) as TargetSnapshot
  t.strictSame(targets[0], expected)
  t.equal(targets[0]!.limits.undiciOptions.connections, null)
  for (const { name } of gateway.targets) t.match((await ask(pathOf(name))).json, { target: { name } })
  t.match(await ask(pathOf('nobody')), { status: 404, json: { code: 'HOLDFAST_ERR_UNKNOWN_TARGET', message: String } })
})

t.test('a target is shown with its connections and its history', async t => {
  const backend = await backendFor(t, ({ method }, connection) => method === 'POST' ? connection.reset() : connection.reply())
  const { ask, url, target } = await adminFor(t, { routes: [{ upstream: backend.url, target: 'a' }] })
  const detail = async (): Promise<TargetDetail> => (await ask(pathOf('a'))).json as TargetDetail
  t.same((await detail()).connections, [])
  await request(url)
  const { at, connections, history, target: snapshot } = await detail()
  t.match(connections, [{ id: Number, state: 'idle', age: Number, served: 1, idleMs: Number, trial: false }])
  t.equal(connections.length, 1)
  t.equal(snapshot.totals.requests, 1)
  t.ok(history.since <= at)
  t.match(history, { seconds: [], idleCloses: { edges: Array, counts: Array }, persistence: [], failures: [] })
  t.equal((await request(url, { method: 'POST', body: 'x' })).status, 502)
  target.setPersistence('non-persistent', 'a test says so')
  const after = (await detail()).history
  t.match(after.failures, [{ at: Number, code: 'HOLDFAST_ERR_CONNECTION_LOST', provenance: { target: 'a', attempts: 1 } }])
  t.match(after.persistence, [{ at: Number, from: 'persistent', to: 'non-persistent', cause: 'a test says so' }])
  // The history has a second only when the second is over.
  while (!(await detail()).history.seconds.some(({ requests, opened }) => requests >= 1 && opened >= 1)) await wait(50)
})

t.test('keys, certificates and passphrases are not shown', async t => {
  const hushed = { ca: certificates().ca, ...certificates().client, passphrase: 'hush-word', ticketKeys: Buffer.alloc(48, 'hush-tickets') }
  const { ask } = await adminFor(t, {
    routes: [
      { upstream: 'https://127.0.0.1:9', prefix: '/a', target: 'a', undiciOptions: { connect: { ...hushed, servername: 'shown.example', timeout: 7 } } },
      { upstream: UPSTREAM, prefix: '/b', target: 'b', undiciOptions: { connect: (_options, callback) => callback(new Error('no'), null) } }
    ]
  })
  for (const answer of [await ask('/api/targets'), await ask(pathOf('a')), await ask(pathOf('a', '/update'), post({ pool: { maxPending: 1 } }))]) {
    t.equal(answer.status, 200)
    const text = answer.body.toString()
    t.match(text, 'shown.example')
    for (const secret of ['hush', Buffer.from('hush').toString('base64').slice(0, 5), 'Buffer', '-----BEGIN', ...Object.keys(hushed)]) t.notMatch(text, `"${secret}`, secret)
    t.notMatch(text, 'hush')
  }
  const { targets } = (await ask('/api/targets')).json as TargetList
  t.same(targets.map(({ limits }) => limits.undiciOptions.connect), [{ timeout: 7, rejectUnauthorized: true, servername: 'shown.example' }, {}])
})

t.test('evict closes idle connections and returns their number', async t => {
  const backend = await backendFor(t, persistent())
  const { ask, url, target } = await adminFor(t, { routes: [{ upstream: backend.url, target: 'a' }], level: 'info' })
  await request(url)
  t.strictSame(await ask(pathOf('a', '/evict'), post()).then(({ status, json }) => ({ status, json })), { status: 200, json: { evicted: 1 } })
  t.same(target.snapshot().totals.closed, { evicted: 1 })
  await backend.waitFor(({ open }) => open === 0)
  t.strictSame((await ask(pathOf('a', '/evict'), post({}))).json, { evicted: 0 })
  t.equal((await ask(pathOf('nobody', '/evict'), post())).status, 404)
})

t.test('each change is logged', async t => {
  const { ask, log } = await adminFor(t, { routes: [{ upstream: UPSTREAM, target: 'a' }], level: 'info' })
  await ask(pathOf('a', '/evict'), post())
  await ask(pathOf('a', '/update'), post({ pool: { maxPending: 3 } }))
  t.ok(log.some(({ msg, target, evicted }) => /admin API/.test(msg ?? '') && target === 'a' && evicted === 0))
  t.match(log.find(({ patch }) => patch !== undefined), { target: 'a', patch: { pool: { maxPending: 3 } } })
  t.notOk(log.some(({ listener }) => listener === 'admin'), 'and who only reads is not')
})

t.test('a trial can be started only for a target that is not persistent and has keep-alive on', async t => {
  const backend = await backendFor(t, phpServer())
  const { ask, gateway } = await adminFor(t, {
    routes: [{ upstream: backend.url, prefix: '/a', target: 'a' }, { upstream: backend.url, prefix: '/b', target: 'b', undiciOptions: { keepAliveTimeout: 0 } }]
  })
  const tried = async (name: string): Promise<unknown[]> => {
    const { status, json } = await ask(pathOf(name, '/trial'), post())
    return [status, status === 200 ? json : (json as { code: string }).code]
  }
  t.strictSame(await tried('a'), [409, 'HOLDFAST_ADMIN_TRIAL'])
  gateway.targets.get('a')!.setPersistence('non-persistent', 'a test says so')
  t.strictSame(await tried('a'), [200, { persistence: 'trial' }])
  t.equal(gateway.targets.get('a')!.persistence, 'trial')
  t.strictSame(await tried('a'), [409, 'HOLDFAST_ADMIN_TRIAL'], 'one is under way')
  t.equal(gateway.targets.get('b')!.persistence, 'non-persistent')
  t.strictSame(await tried('b'), [409, 'HOLDFAST_ADMIN_TRIAL'])
})

t.test('update changes limits and times at once', async t => {
  const { ask, target } = await adminFor(t, { routes: [{ upstream: UPSTREAM, target: 'a' }] })
  const { status, json } = await ask(pathOf('a', '/update'), post({ undiciOptions: { connections: null, keepAliveTimeout: 4_000 }, pool: { maxPending: 3, maxUpgraded: null } }))
  t.equal(status, 200)
  t.match(json, { target: { name: 'a', limits: { undiciOptions: { connections: null, keepAliveTimeout: 4_000 }, pool: { maxPending: 3, maxUpgraded: null } } } })
  t.match(target.options, { undiciOptions: { connections: Infinity, keepAliveTimeout: 4_000, headersTimeout: 50_000 }, pool: { maxPending: 3, maxUpgraded: Infinity, maxDials: 8 } })
})

t.test('update takes only limits and times, and applies all of them or none', async t => {
  const { ask, target } = await adminFor(t, { routes: [{ upstream: UPSTREAM, target: 'a' }] })
  const before = target.options
  const refused: [unknown, RegExp][] = [
    [undefined, /must be an object/], [[], /must be an object/], [{}, /changes nothing/], [null, /must be an object/],
    [{ pool: 1 }, /^pool: 1 must be an object/],
    [{ retry: { stale: false } }, /^retry: .* unknown/],
    [{ undiciOptions: { connect: { rejectUnauthorized: false } } }, /^undiciOptions\.connect: .*over HTTP/],
    [{ undiciOptions: { socketPath: '/run/other.sock' } }, /^undiciOptions\.socketPath: .*over HTTP/],
    [{ undiciOptions: { localAddress: '10.0.0.1' } }, /over HTTP/],
    [{ undiciOptions: { pipelining: 0 } }, /over HTTP/],
    [{ undiciOptions: { maxHeaderSize: 1 } }, /over HTTP/],
    [{ undiciOptions: { maxResponseSize: 1 } }, /over HTTP/],
    [{ undiciOptions: { keepAlive: 1 } }, /did you mean undiciOptions\.keepAliveTimeout/],
    [{ pool: { maxPending: '3' } }, /^pool\.maxPending: "3" is no number/],
    [{ pool: { maxPending: 3, maxDials: 0 } }, /^pool\.maxDials: 0/],
    [{ undiciOptions: { headersTimeout: null } }, /^undiciOptions\.headersTimeout: Infinity/],
    [{ undiciOptions: { connections: -1 }, pool: { maxPending: 3 } }, /^undiciOptions\.connections: -1/]
  ]
  for (const [body, message] of refused) {
    t.match(await ask(pathOf('a', '/update'), post(body)), { status: 400, json: { code: 'HOLDFAST_ERR_OPTION', message } }, String(message))
  }
  t.equal(target.options, before)
})

t.test('drain finishes what is in flight and takes no new work', async t => {
  let release = (): void => {}
  const backend = await backendFor(t, (_request, connection) => new Promise<void>(resolve => {
    release = () => {
      connection.reply({ body: 'done' })
      resolve()
    }
  }))
  const { ask, url, target } = await adminFor(t, { routes: [{ upstream: backend.url, target: 'a' }] })
  const answered = request(url)
  await backend.waitFor(({ requests }) => requests === 1)
  const { status, json } = await ask(pathOf('a', '/drain'), post())
  t.strictSame([status, json], [202, { draining: true }])
  t.ok(target.closed)
  const refused = await request(url)
  t.equal(refused.status, 503)
  t.match(JSON.parse(refused.body.toString()), { code: 'HOLDFAST_ERR_DRAINING' })
  release()
  t.equal((await answered).body.toString(), 'done')
  await backend.waitFor(({ open }) => open === 0)
})

t.test('the admin surface answers while the app drains, and closes with it', async t => {
  let release = (): void => {}
  const backend = await backendFor(t, (_request, connection) => new Promise<void>(resolve => {
    release = () => {
      connection.reply()
      resolve()
    }
  }))
  const { ask, url, app, gateway } = await adminFor(t, { gateway: { drain: { deadline: 5_000 } }, routes: [{ upstream: backend.url, target: 'a' }] })
  const answered = request(url)
  await backend.waitFor(({ requests }) => requests === 1)
  const drained = gateway.drain()
  await until(() => !app.server.listening)
  t.match((await ask('/api/targets')).json, { targets: [{ name: 'a', connections: { active: 1 } }] })
  release()
  t.equal((await answered).status, 200)
  await drained
  t.equal(gateway.admin, undefined)
  await t.rejects(ask('/api/targets'), { code: 'ECONNREFUSED' })
})

t.test('the admin surface serves metrics for Prometheus', async t => {
  const { ask } = await adminFor(t, { routes: [{ upstream: UPSTREAM, target: 'a' }] })
  const { status, headers, body } = await ask('/metrics')
  t.equal(status, 200)
  t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/)
  t.match(body.toString(), /^# HELP holdfast_\w+/m)
})
