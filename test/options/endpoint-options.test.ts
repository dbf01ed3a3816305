import { inspect } from 'node:util'
import t from 'tap'
import { NAME_SERVERS } from '../../src/options/endpoint-kinds.js'
import { resolveGatewayOptions } from '../../src/options/gateway-options.js'
import { checkTargetOptions, resolveTargetOptions, sameTargetOptions } from '../../src/options/target-options.js'
import type { ResolvedTargetOptions } from '../../src/options/target-options.js'
import type { TargetOptions } from '../../src/options/option-types.js'

const SECRET = 'secret-of-16-bytes'
const OLD_SECRET = 'an-older-secret-of-more'

const targetOf = (route: TargetOptions = {}, gateway: TargetOptions = {}): ResolvedTargetOptions => resolveTargetOptions(gateway, route)

function refused (given: unknown, message: RegExp): void {
  t.throws(() => targetOf(given as TargetOptions), { code: 'HOLDFAST_ERR_OPTION', message }, message.source)
}

t.test('a route\'s options of endpoints override the gateway\'s, one level deep', async t => {
  const gateway: TargetOptions = {
    balance: 'round-robin',
    slowStart: 5,
    ejection: { failures: 3, time: 7 },
    healthCheck: { path: '/health', interval: 9 },
    discovery: { refresh: 1, servers: ['::1'] }
  }
  t.match(targetOf({ slowStart: 0, ejection: { failures: 2 }, healthCheck: { path: '/ready' }, discovery: { hold: 2 } }, gateway), {
    balance: 'round-robin',
    slowStart: 0,
    ejection: { failures: 2, time: 7, maxTime: 300_000, maxEjected: 0.5, statuses: [] },
    healthCheck: { path: '/ready', interval: 9, timeout: 1_000, rise: 2, fall: 3, status: '2xx' },
    discovery: { refresh: 1, hold: 2, servers: ['::1'], kubernetes: undefined }
  })
  t.strictSame(targetOf({ affinity: { ip: true } }, { affinity: { header: 'x' } }).affinity, { ip: true }, 'an affinity is taken whole')
})

t.test('false switches off what the gateway gives', async t => {
  const gateway: TargetOptions = { ejection: { failures: 1 }, healthCheck: { path: '/' }, affinity: { ip: true } }
  const { ejection, healthCheck, affinity } = targetOf({ ejection: false, healthCheck: false, affinity: false }, gateway)
  t.strictSame([ejection, healthCheck, affinity], [false, undefined, undefined])
  const again = targetOf({ ejection: {}, healthCheck: { path: '/' } }, { ejection: false, healthCheck: false })
  t.match(again, { ejection: { failures: 5 }, healthCheck: { rise: 2 } })
})

t.test('resolved options of endpoints are frozen, and are copies', async t => {
  const statuses = [503]
  const servers = ['::1']
  const secret = [SECRET, OLD_SECRET]
  const options = targetOf({
    ejection: { statuses },
    healthCheck: { path: '/' },
    affinity: { cookie: 'a', secret },
    discovery: { servers, kubernetes: { url: 'http://a' } }
  })
  for (const list of [statuses, servers, secret]) list.length = 0
  const { ejection, healthCheck, affinity, discovery } = options
  for (const group of [ejection, healthCheck, affinity, discovery, discovery.kubernetes]) t.ok(Object.isFrozen(group))
  t.match(ejection, { statuses: [503] })
  t.match(discovery, { servers: ['::1'] })
  t.same(affinity !== undefined && 'secret' in affinity && affinity.secret, [SECRET, OLD_SECRET])
})

t.test('an affinity is written in one form', async t => {
  const affinity = targetOf({ affinity: { cookie: 'Endpoint', secret: SECRET } }).affinity!
  t.ok('cookie' in affinity && affinity.cookie === 'Endpoint' && affinity.secret[0] === SECRET, 'a secret becomes a list')
  t.strictSame(targetOf({ affinity: { header: 'X-User' } }).affinity, { header: 'x-user' }, 'a header is in lower case')
})

t.test('secrets of an affinity are in no copy, no JSON and no log of the options, and tell targets apart', async t => {
  const options = targetOf({ affinity: { cookie: 'endpoint', secret: [SECRET, OLD_SECRET] } })
  const copies = [options, structuredClone(options), { ...options.affinity }]
  for (const shown of [...copies.map(copy => JSON.stringify(copy)), inspect(options, { depth: 9 })]) {
    t.match(shown, 'endpoint')
    t.notMatch(shown, /secret/)
  }
  t.ok(sameTargetOptions(options, targetOf({ affinity: { cookie: 'endpoint', secret: [SECRET, OLD_SECRET] } })))
  t.notOk(sameTargetOptions(options, targetOf({ affinity: { cookie: 'endpoint', secret: [SECRET] } })))
})

t.test('a cookie without a secret that cannot be guessed is refused, and no message holds one', async t => {
  const rows: [secret: unknown, message: RegExp][] = [
    [undefined, /^affinity\.secret: undefined is missing: it seals the cookie, .*; make one with: openssl rand -hex 32$/],
    ['s3cret', /^affinity\.secret: "\*\*\*" has fewer than 16 bytes, so it can be guessed; make one with: /],
    [[], /^affinity\.secret: an array has no secret; /],
    [[SECRET, 's3cret'], /^affinity\.secret\[1\]: "\*\*\*" has fewer than 16 bytes/],
    [5, /^affinity\.secret: "\*\*\*" is no string; /],
    [Buffer.alloc(16), /^affinity\.secret: "\*\*\*" is no string; /]
  ]
  for (const [secret, message] of rows) refused({ affinity: { cookie: 'endpoint', secret } }, message)
  const alone = { header: 'x-user', secret: 's3cret' }
  refused({ affinity: alone }, /^affinity\.secret: "\*\*\*" has no effect without a cookie; leave it out, or give cookie$/)
  refused({ affinity: { cookie: 'endpoint', secrets: 's3cret' } }, /^affinity\.secrets: "\*\*\*" is unknown; did you mean secret\?$/)
  refused({ affinity: {} }, /^affinity: an object has no kind; give \{ cookie, secret \}, \{ header \} or \{ ip: true \}$/)
  refused({ affinity: { ip: true, header: 'a' } }, /^affinity: an object has header and ip; give /)
  t.end()
})

t.test('the hash needs a key', async () => {
  const remedy = 'give affinity: \\{ header: \'x-user\' \\} or \\{ ip: true \\}, or leave balance out$'
  refused({ balance: 'hash' }, new RegExp(`^balance: "hash" has no affinity; ${remedy}`))
  const cookie = { cookie: 'a', secret: SECRET }
  refused({ balance: 'hash', affinity: cookie }, new RegExp(`^balance: "hash" has a cookie as affinity, which binds .*; ${remedy}`))
  refused({ balance: 'random' }, /^balance: "random" is no policy; give 'least-requests', 'round-robin' or 'hash'$/)
  t.equal(targetOf({ affinity: { ip: true } }, { balance: 'hash' }).balance, 'hash', 'either may be the gateway\'s')
  t.equal(targetOf({ balance: 'hash' }, { affinity: { header: 'a' } }).balance, 'hash')
  t.doesNotThrow(() => resolveGatewayOptions({ balance: 'hash' }), 'a route gives the affinity')
})

t.test('each fault of an option of endpoints is refused with its remedy', async () => {
  refused({ ejection: { time: 400_000 } }, /^ejection\.maxTime: 300000 is below ejection\.time \(400000\); give at least that$/)
  refused({ ejection: { statuses: [500, 600] } }, /^ejection\.statuses\[1\]: 600 is no status; give a whole number from 100 to 599$/)
  refused({ ejection: { statuses: [99] } }, /^ejection\.statuses\[0\]: 99 is no status/)
  refused({ ejection: { statuses: [500.5] } }, /^ejection\.statuses\[0\]: 500\.5 is no status/)
  refused({ ejection: { maxEjected: 50 } }, /^ejection\.maxEjected: 50 is no share; give a number from 0 to 1, like 0\.5$/)
  refused({ healthCheck: { interval: 5 } }, /^healthCheck\.path: undefined is missing; give what is asked for, like \/health$/)
  refused({ healthCheck: { path: 'health' } }, /^healthCheck\.path: "health" is no path; give one that begins with a slash, like \/health/)
  refused({ healthCheck: { path: '/', status: '200-299' } }, /^healthCheck\.status: "200-299" is neither .* give one like "2xx" or "204"$/)
  const servers = ['10.0.0.2', 'dns.internal']
  refused({ discovery: { servers } }, /^discovery\.servers\[1\]: "dns\.internal" is no IP address, .*; give one like 10\.0\.0\.2:53$/)
  refused({ discovery: { servers: ['10.0.0.2:99999'] } }, /^discovery\.servers\[0\]: /)
  refused({ discovery: { kubernetes: {} } }, /^discovery\.kubernetes\.url: undefined is no http: or https: URL/)
  const kubernetes = (given: object): object => ({ discovery: { kubernetes: { url: 'https://10.96.0.1', ...given } } })
  const withPassword = { url: 'https://user:s3cret@10.96.0.1' }
  refused(kubernetes(withPassword), /^discovery\.kubernetes\.url: "https:\/\/10\.96\.0\.1" is no .* without credentials and path/)
  refused(kubernetes({ tokenFile: '' }), /^discovery\.kubernetes\.tokenFile: "" must be a string that is not empty$/)
  refused(kubernetes({ token: 's3cret' }), /^discovery\.kubernetes\.token: "\*\*\*" is unknown/)
  t.doesNotThrow(() => checkTargetOptions({ healthCheck: { interval: 5 } }), 'the other layer may give the path')
})

t.test('a name that another gateway has for it is refused with ours', async () => {
  const rows: [given: object, message: RegExp][] = [
    [{ stickySession: true }, /^stickySession: .* did you mean affinity\?$/],
    [{ pool: { max_fails: 5 } }, /^pool\.max_fails: 5 is unknown; did you mean ejection\.failures\?$/],
    [{ ejection: { fail_timeout: 5 } }, /^ejection\.fail_timeout: 5 is unknown; did you mean ejection\.time\?$/]
  ]
  for (const [given, message] of rows.slice(1)) refused(given, message)
  t.throws(() => resolveGatewayOptions(rows[0]![0]), { message: rows[0]![1] })
})

t.test('name servers are addresses, with ports or without', async t => {
  NAME_SERVERS.check!(['10.0.0.53', '10.0.0.53:5353', 'fd00::53', '[fd00::53]', '[fd00::53]:5353'], 'discovery.servers')
  for (const servers of [[], 'x', ['users'], ['10.0.0.53:0'], ['10.0.0.53:65536'], ['10.0.0.53:'], ['[10.0.0.53]'], [53]]) {
    t.throws(
      () => NAME_SERVERS.check!(servers, 'discovery.servers'),
      { code: 'HOLDFAST_ERR_OPTION', message: /^discovery\.servers(?::|\[0\]:) .* (?:must be an array of addresses|is no IP address, with or without a port)/ }
    )
  }
})
