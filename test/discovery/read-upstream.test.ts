import t from 'tap'
import { samePlan } from '../../src/discovery/endpoints-plan.js'
import { readUpstream } from '../../src/discovery/read-upstream.js'
import type { UpstreamOption } from '../../src/options/upstream-option.js'

const originOf = (upstream: UpstreamOption, ...names: string[]): string => readUpstream(upstream, names).origin.origin
const planOf = (upstream: UpstreamOption): ReturnType<typeof readUpstream>['plan'] => readUpstream(upstream, []).plan

t.test('one URL is one endpoint, whose name each dial resolves', async t => {
  t.same(readUpstream('https://users.internal:8443/api', []), {
    origin: new URL('https://users.internal:8443'), socketPath: undefined, plan: { kind: 'origin' }
  })
  t.match(readUpstream('unix+http://%2Frun%2Fa.sock/', []), { socketPath: '/run/a.sock', plan: { kind: 'origin' } })
  t.same(planOf(['http://users.internal']), { kind: 'origin' }, 'in a list too')
  t.match(planOf([{ url: 'http://users.internal' }]), { kind: 'list', found: [{ host: 'users.internal' }] })
  t.match(planOf({ origin: 'http://users', endpoints: ['http://users.internal'] }), { kind: 'list', found: [{ host: 'users.internal' }] })
})

t.test('the logical origin of a list is that of its first URL, unless one is given', async t => {
  t.equal(originOf(['http://10.0.0.1:3000', 'http://10.0.0.2:3001']), 'http://10.0.0.1:3000')
  t.equal(originOf(['https://[fd00::1]', 'https://b']), 'https://[fd00::1]')
  t.equal(originOf({ origin: 'https://users.internal', endpoints: ['https://10.0.0.1:8443'] }), 'https://users.internal')
  t.equal(originOf({ origin: 'https://users.internal', endpoints: () => [] }), 'https://users.internal')
  t.match(planOf(['http://a:1', { url: 'http://b:2', weight: 2, priority: 1 }]), {
    kind: 'list', found: [{ id: 'a:1', weight: 1 }, { id: 'b:2', weight: 2, priority: 1 }]
  })
})

t.test('a URL with discovery has the origin of its name', async t => {
  t.equal(originOf('dns+http://users.internal:3000'), 'http://users.internal:3000')
  t.equal(originOf('srv+https://_https._tcp.users.internal'), 'https://users.internal')
  t.equal(originOf('kubernetes+http://users.shop:http'), 'http://users.shop')
  t.match(planOf('dns+http://users:3000'), { kind: 'url', upstream: 'dns+http://users:3000', url: { kind: 'dns', name: 'users' } })
})

t.test('the origin of a bare function is the first name that can be a host', async t => {
  const discover = (): string[] => []
  t.same(readUpstream(discover, ['users', 'x']).plan, { kind: 'function', discover })
  t.equal(originOf(discover, 'users-v2.internal', 'x'), 'http://users-v2.internal')
  for (const name of ['', ':id', '*', 'my users', 'a_b', '-a', '127', '10.0.0.1', '0x7f.1', '1.2']) {
    t.equal(originOf(discover, name, 'second'), 'http://second', name)
    t.equal(originOf(discover, name), 'http://endpoints.internal', name)
  }
})

t.test('what cannot be is refused with the value and the remedy', async t => {
  const refused: [upstream: unknown, message: RegExp][] = [
    [[], /^upstream: an array has no endpoint; give at least one, like \['http:\/\/10\.0\.0\.1:3000'\]$/],
    [{ origin: 'http://a', endpoints: [] }, /^upstream\.endpoints: an array has no endpoint; give at least one/],
    [['http://a', 'http://a'], /^upstream\[1\]: "http:\/\/a" is in the list twice; give one a weight instead$/],
    [['http://a', 'unix+http://%2Fa/'], /^upstream\[1\]: "unix\+http:\/\/%2Fa\/" is a unix socket, which cannot be one of several endpoints; give /],
    [['dns+http://a', 'http://b'], /^upstream\[0\]: "dns\+http:" finds endpoints itself, and cannot be one of a list; give it alone, as upstream$/],
    [[{ url: 'http://a', wieght: 2 }], /^upstream\[0\]\.wieght: 2 is unknown; did you mean weight\?$/],
    [{ origin: 'http://a', endpoints: [], adresses: [] }, /^upstream\.adresses: an array is unknown/],
    [{ origin: 'a', endpoints: [] }, /^upstream\.origin: "a" is no URL; give one like http:\/\/users\.internal:3000$/],
    [{ origin: 'http://a/x', endpoints: [] }, /^upstream\.origin: "http:\/\/a\/x" has a path, .*; leave it out, and give rewritePrefix$/],
    [{ origin: 'unix+http://%2Fa/', endpoints: [] }, /^upstream\.origin: .* is a unix socket, which has one endpoint; give it alone, as upstream$/],
    [{ origin: 'http://a', endpoints: 7 }, /^upstream\.endpoints: 7 is no list; give URLs like/],
    ['dns+http://10.0.0.1', /^upstream: "dns\+http:\/\/10\.0\.0\.1" has an address in place of a name; write http:\/\/10\.0\.0\.1$/]
  ]
  for (const [upstream, message] of refused) {
    t.throws(() => readUpstream(upstream as UpstreamOption, []), { code: 'HOLDFAST_ERR_OPTION', message }, message.source)
  }
})

t.test('plans are the same if they find the same endpoints', async t => {
  const discover = (): string[] => []
  const same: [UpstreamOption, UpstreamOption][] = [
    ['http://a', 'http://a'],
    [['http://a:1', 'http://b:2'], [{ url: 'http://a:1', weight: 1 }, 'http://b:2/']],
    ['dns+http://a:1', 'dns+http://a:1'],
    [discover, { origin: 'http://x', endpoints: discover }]
  ]
  for (const [a, b] of same) t.ok(samePlan(planOf(a), planOf(b)))
  const different: [UpstreamOption, UpstreamOption][] = [
    ['http://a', 'dns+http://a'],
    [['http://a:1', 'http://b:2'], ['http://a:1', { url: 'http://b:2', weight: 2 }]],
    [['http://a:1', 'http://b:2'], ['http://a:1', 'http://c:2']],
    ['dns+http://a:1', 'dns+http://a:2'],
    [discover, () => []]
  ]
  for (const [a, b] of different) t.notOk(samePlan(planOf(a), planOf(b)))
})
