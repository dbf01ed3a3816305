import t from 'tap'
import { request } from 'undici'
import { readUpstream } from '../../src/discovery/read-upstream.js'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import type { TargetOptions } from '../../src/options/option-types.js'
import type { UpstreamOption } from '../../src/options/upstream-option.js'
import { TargetRegistry } from '../../src/target/registry.js'
import { persistent } from '../../testing/behaviours.js'
import { backendFor } from '../../testing/gateway.js'

const A = new URL('http://a.example:3000')
const B = new URL('http://b.example:3000')
const resolved = (options: TargetOptions = {}): ReturnType<typeof resolveTargetOptions> => resolveTargetOptions({}, options)
const FEW = { undiciOptions: { connections: 2 } }
const FEWER = { undiciOptions: { connections: 1 } }

function registry (maxDynamicTargets = 100): TargetRegistry {
  return new TargetRegistry({ maxDynamicTargets, onObserverError: () => {} })
}

t.test('a target is an origin and its options, whatever the prefix', async t => {
  const targets = registry()
  const one = targets.declare({ origin: A, options: resolved(FEW), prefix: '/a' })
  t.equal(targets.declare({ origin: A, options: resolved(FEW), prefix: '/b' }), one)
  t.equal(targets.declare({ origin: new URL('http://a.example:3000/path?x'), options: resolved(FEW), prefix: '/c' }), one, 'a path is no origin')
  t.not(targets.declare({ origin: A, options: resolved(), prefix: '/d' }), one, 'other options')
  t.not(targets.declare({ origin: B, options: resolved(FEW), prefix: '/e' }), one, 'another origin')
  t.not(targets.declare({ origin: new URL('https://a.example:3000'), options: resolved(FEW), prefix: '/f' }), one, 'another scheme')
})

t.test('a target is its endpoints too', async t => {
  const targets = registry()
  const declare = (upstream: UpstreamOption, name?: string): ReturnType<TargetRegistry['declare']> => {
    const { origin, plan } = readUpstream(upstream, [])
    return targets.declare({ origin, options: resolved(), plan, prefix: '/users', name })
  }
  const list = declare(['http://a.example:3000', 'http://b.example:3000'])
  t.equal(declare(['http://a.example:3000', 'http://b.example:3000']), list)
  t.not(declare(['http://a.example:3000', 'http://c.example:3000']), list, 'another endpoint')
  const plain = declare('http://a.example:3000')
  t.not(plain, list, 'the first of them alone')
  t.equal(targets.byOrigin(A.origin), plain, 'an origin stands for itself before it stands for others')
  t.equal(targets.dynamic(A, resolved(), '/users'), plain, 'and so does one that is chosen')
  t.equal(targets.planOf(list).kind, 'list')
  t.equal(targets.planOf(plain).kind, 'origin')
  const named = declare(['http://a.example:3000', 'http://b.example:3000'], 'users')
  t.throws(() => declare(['http://a.example:3000', 'http://c.example:3000'], 'users'), { message: /^target: "users" is declared twice with other options or endpoints \(for / })
  t.equal(declare(['http://a.example:3000', 'http://b.example:3000'], 'users'), named)
})

t.test('a chosen upstream with a path is the target of its origin', async t => {
  const backend = await backendFor(t, persistent())
  const targets = registry()
  t.teardown(() => targets.destroy())
  const target = targets.dynamic(new URL(`${backend.url}/a/path?and=more#and`), resolved(), '/')
  const answer = await request(`${backend.url}/asked`, { dispatcher: target })
  await answer.body.dump()
  t.equal(answer.statusCode, 200)
})

t.test('any option tells targets apart, functions by identity', async t => {
  const targets = registry()
  const connect = (): void => {}
  const settings: TargetOptions[] = [
    {}, { undiciOptions: { connect: { ciphers: 'TLS_AES_128_GCM_SHA256' } } }, { undiciOptions: { connect } }, { undiciOptions: { connect: () => {} } },
    { undiciOptions: { localAddress: '127.0.0.1' } }, { undiciOptions: { socketPath: '/tmp/x' } }, { pool: { maxPending: 1 } },
    { inspector: false }, { retry: { stale: false } }
  ]
  const made = settings.map((options, i) => targets.declare({ origin: A, options: resolved(options), prefix: `/${i}` }))
  t.equal(new Set(made).size, settings.length)
  t.equal(targets.declare({ origin: A, options: resolved({ undiciOptions: { connect } }), prefix: '/again' }), made[2])
})

t.test('the first target of an origin is named for it, the next ones for their prefix too', async t => {
  const targets = registry()
  const names = [resolved(), resolved(FEW), resolved(FEWER), resolved()].map(options => targets.declare({ origin: A, options, prefix: '/users' }).name)
  t.strictSame(names, ['http://a.example:3000', 'http://a.example:3000 /users', 'http://a.example:3000 /users 2', 'http://a.example:3000'])
  for (const name of names) t.equal(targets.get(name)?.name, name)
  t.strictSame([...targets].map(({ name }) => name), names.slice(0, 3))
  t.equal(targets.get('http://a.example:3000 /none'), undefined)
})

t.test('an explicit name means one thing', async t => {
  const targets = registry()
  const users = targets.declare({ origin: A, options: resolved(), prefix: '/users', name: 'users' })
  t.equal(targets.get('users'), users)
  t.equal(targets.declare({ origin: A, options: resolved(), prefix: '/other', name: 'users' }), users, 'said twice alike')
  t.throws(() => targets.declare({ origin: A, options: resolved(FEW), prefix: '/x', name: 'users' }), { code: 'HOLDFAST_ERR_OPTION', message: /target: "users" .*twice/ })
  t.throws(() => targets.declare({ origin: B, options: resolved(), prefix: '/x', name: 'users' }), { code: 'HOLDFAST_ERR_OPTION' })
  t.equal([...targets].length, 1, 'and what is refused leaves nothing behind')
})

t.test('chosen targets are kept up to a bound; at the bound the least recently used one is closed', async t => {
  const targets = registry(2)
  const declared = targets.declare({ origin: B, options: resolved(), prefix: '/' })
  const origin = (n: number): URL => new URL(`http://dynamic-${n}.example`)
  const choose = (n: number): ReturnType<TargetRegistry['dynamic']> => targets.dynamic(origin(n), resolved(), '/')
  const one = choose(1)
  const two = choose(2)
  t.equal(choose(1), one, 'the same as before')
  const three = choose(3)
  t.ok(two.closed, 'the one not used for longest has gone')
  t.notOk(one.closed)
  t.strictSame([...targets], [declared, one, three])
  t.not(choose(2), two, 'it comes back as a new one')
  t.ok(one.closed)
  t.equal(targets.dynamic(B, resolved(), '/'), declared, 'a declared one is not made twice')
  t.notOk(declared.closed, 'and never goes')
})

t.test('routes that share a chosen target keep it alike', async t => {
  const targets = registry(2)
  const [first, second] = [resolved(), resolved()]
  const one = targets.dynamic(A, first, '/first')
  t.equal(targets.dynamic(A, second, '/second'), one)
  const two = targets.dynamic(B, first, '/first')
  targets.dynamic(A, second, '/second')
  const three = targets.dynamic(new URL('http://c.example'), first, '/first')
  t.notOk(one.closed, 'its use by any of them is a use')
  t.ok(two.closed)
  one.update({ pool: { maxPending: 7 } })
  t.equal(targets.dynamic(A, second, '/second'), one, 'what an operator has changed holds for all of them')

  targets.dynamic(new URL('http://c.example'), second, '/second')
  targets.dynamic(B, first, '/first')
  t.ok(one.closed, 'it was used before the third')
  t.notOk(three.closed)
  const again = targets.dynamic(A, second, '/second')
  t.notOk(again.closed, 'none of them is given one that has gone')
  t.equal(targets.dynamic(A, first, '/first'), again)
  t.equal([...targets].length, 2)
})

t.test('a chosen target that an operator has closed is made anew, once for all routes', async t => {
  const targets = registry(2)
  const [first, second] = [resolved(), resolved()]
  const one = targets.dynamic(A, first, '/first')
  targets.dynamic(A, second, '/second')
  one.destroy()
  const again = targets.dynamic(A, second, '/second')
  t.not(again, one)
  t.equal(targets.dynamic(A, first, '/first'), again)
  t.strictSame([...targets], [again])
  t.ok(targets.isDynamic(again.name))
})

t.test('two routes of one prefix, with different constraints, choose targets with their own options', async t => {
  const targets = registry()
  const [few, fewer] = [resolved(FEW), resolved(FEWER)]
  t.not(targets.dynamic(A, few, '/x'), targets.dynamic(A, fewer, '/x'))
  t.equal(targets.dynamic(A, fewer, '/x').options.undiciOptions.connections, 1)
  t.equal(targets.dynamic(A, few, '/x').options.undiciOptions.connections, 2)
})

t.test('a chosen target with work in flight stays; at the bound a new one is refused', async t => {
  let release = (): void => {}
  const backend = await backendFor(t, (_request, connection) => new Promise<void>(resolve => {
    release = () => {
      connection.reply()
      resolve()
    }
  }))
  const targets = registry(1)
  t.teardown(() => targets.destroy())
  const rejected: unknown[] = []
  targets.observe({ rejected: (...event) => { rejected.push(event) } })
  const busy = targets.dynamic(new URL(backend.url), resolved(), '/')
  const answer = request(backend.url, { dispatcher: busy })
  await backend.waitFor(({ requests }) => requests === 1)
  t.throws(() => targets.dynamic(A, resolved(), '/'), { code: 'HOLDFAST_ERR_TOO_MANY_TARGETS', statusCode: 503, headers: { 'retry-after': '1' } })
  t.notOk(busy.closed)
  t.match(rejected, [['dynamic', 'HOLDFAST_ERR_TOO_MANY_TARGETS', { target: 'dynamic', connection: undefined, attempts: 0, error: 'HOLDFAST_ERR_TOO_MANY_TARGETS' }]], 'observers are told')
  release()
  await (await answer).body.dump()
  t.equal(targets.dynamic(A, resolved(), '/').origin, A.origin, 'once it is quiet it makes room')
  t.ok(busy.closed)
})

t.test('the dispatcher over all targets chooses by origin and refuses all else', async t => {
  const backend = await backendFor(t, persistent())
  const targets = registry()
  t.teardown(() => targets.destroy())
  const target = targets.declare({ origin: new URL(backend.url), options: resolved(), prefix: '/' })
  const { body } = await request(`${backend.url}/x`, { dispatcher: targets.dispatcher })
  await body.dump()
  t.equal(target.snapshot().totals.requests, 1)
  await t.rejects(request('http://other.example/', { dispatcher: targets.dispatcher }), { code: 'HOLDFAST_ERR_UNKNOWN_TARGET' })
  await targets.dispatcher.close()
  await targets.dispatcher.destroy()
  t.notOk(target.closed, 'closing the dispatcher closes no target')
})

t.test('two registries share nothing', async t => {
  const backend = await backendFor(t, persistent())
  const [one, two] = [registry(), registry()]
  t.teardown(() => one.destroy())
  t.teardown(() => two.destroy())
  const seen: string[] = []
  one.observe({ opened: () => { seen.push('one') } })
  two.observe({ opened: () => { seen.push('two') } })
  const origin = new URL(backend.url)
  const [a, b] = [one, two].map(targets => targets.declare({ origin, options: resolved(), prefix: '/' }))
  t.not(a, b)
  await (await request(backend.url, { dispatcher: a })).body.dump()
  t.strictSame(seen, ['one'])
  await (await request(backend.url, { dispatcher: b })).body.dump()
  t.strictSame(seen, ['one', 'two'])
  t.equal(backend.accepted, 2, 'nor a connection')
  one.destroy()
  await (await request(backend.url, { dispatcher: b })).body.dump()
  t.equal(backend.accepted, 2, 'the other goes on')
})
