import { readFileSync } from 'node:fs'
import t from 'tap'
import { findingsOf } from '../../src/check/findings.js'
import type { Finding } from '../../src/check/findings.js'
import { RULES, warningCode } from '../../src/check/rules.js'
import { rulesAsMarkdown, rulesAsText } from '../../src/check/rules-text.js'
import { CASES } from './cases.js'
import { aroundOf, appOf } from './subjects.js'
import type { Case } from './subjects.js'

const found = (given: Case): Finding[] => findingsOf(appOf(given), aroundOf(given))

t.test('every rule has a case in which it fires and a close case in which it does not', async t => {
  t.strictSame(Object.keys(CASES).sort(), RULES.map(({ id }) => id).sort())
  for (const [id, { fires, silent }] of Object.entries(CASES)) t.ok(fires.length > 0 && silent.length > 0, id)
})

for (const { id, severity, why } of RULES) {
  t.test(`${id} is found once in each case in which it fires, and in no other`, async t => {
    const { fires, silent } = CASES[id]!
    for (const given of fires) {
      const [finding, ...more] = found(given).filter(finding => finding.id === id)
      t.match(finding, { severity, why }, JSON.stringify(given))
      t.notMatch(`${finding?.target} ${finding?.found} ${finding?.remedy}`, /undefined|NaN|\[object/, 'in words')
      t.strictSame(more, [])
    }
    for (const given of silent) t.notOk(found(given).some(finding => finding.id === id), JSON.stringify(given))
  })
}

t.test('nothing is found of several endpoints with sane settings', async t => {
  const upstream = ['http://10.0.0.1:3000', 'http://10.0.0.2:3000']
  const options = { balance: 'round-robin' as const, slowStart: 5_000, ejection: { statuses: [503] }, healthCheck: { path: '/health' } }
  t.strictSame(found({ targets: [{ upstream, options, endpoints: [{}, {}], unhealthy: [] }] }), [])
  t.strictSame(found({ targets: [{ upstream: 'kubernetes+http://users.shop:http', options, endpoints: [{}, {}], unhealthy: [] }] }), [])
  t.strictSame(found({ targets: [{ upstream, options: { balance: 'hash', affinity: { ip: true } } }] }), [])
})

t.test('nothing is found by default, nor with a sane backend, load balancer and number of replicas', async t => {
  t.strictSame(found({}), [])
  t.strictSame(found({ targets: [{ measured: {} }, { origin: 'http://127.0.0.1:3000', routes: [{ upgradable: true }] }, { origin: null }] }), [])
  t.strictSame(found({ around: { frontIdle: 60_000, frontTimeout: 60_000, replicas: 4, backendMaxConnections: 512 } }), [])
  t.strictSame(found({ targets: [{ routes: [{ upgradable: true }] }], around: { frontIdle: 60_000, frontTimeout: 60_000 } }), [])
  t.strictSame(found({ targets: [{ measured: { idleTimeoutMs: 6_000, hint: { timeoutMs: 5_000, max: null }, requestsPerConnection: null } }] }), [], 'node')
  t.strictSame(found({ targets: [{ measured: { idleTimeoutMs: 4_996, hint: { timeoutMs: 5_000, max: 100 }, requestsPerConnection: 101 } }] }), [], 'Apache')
})

t.test('a remedy names the exact value if it follows from the finding', async t => {
  const remedy = (id: string, given: Case): string | undefined => found(given).find(finding => finding.id === id)?.remedy
  t.match(remedy('backend-overrun', { around: { replicas: 4, backendMaxConnections: 100 } }), 'undiciOptions.connections: 25')
  t.match(remedy('front-answers-first-under-load', { around: { frontTimeout: 55_000 } }), 'undiciOptions.headersTimeout: 46000')
  t.match(remedy('front-outlives-server', { server: { keepAliveTimeout: 5_000 }, around: { frontIdle: 60_000 } }), 'keepAliveTimeout: 72000')
  const recommended = { undiciOptions: { keepAliveTimeout: 4_000 }, pool: {} }
  t.match(remedy('idle-above-backend', { targets: [{ measured: { idleTimeoutMs: 5_000, recommended } }] }), 'undiciOptions.keepAliveTimeout: 4000')
  t.match(remedy('idle-above-backend', { targets: [{ measured: {}, options: { undiciOptions: { keepAliveTimeout: 90_000 } } }] }), 'Leave undiciOptions.keepAliveTimeout out')
})

t.test('applying a remedy ends its finding', async t => {
  const around = { replicas: 4, backendMaxConnections: 100, frontTimeout: 55_000, frontIdle: 75_000 }
  t.strictSame(found({ around }).map(({ id }) => id), ['front-answers-first-under-load', 'front-outlives-server', 'backend-overrun'])
  t.strictSame(found({ around, targets: [{ options: { undiciOptions: { connections: 25, headersTimeout: 46_000 } } }], server: { keepAliveTimeout: 90_000 } }), [])
})

t.test('what is found of several endpoints names them, and has the remedy that is right for all', async t => {
  const upstream = ['https://10.0.0.1:3000', 'https://10.0.0.2:3000', 'https://10.0.0.3:3000', 'https://10.0.0.4:3000']
  const recommended = { undiciOptions: { keepAliveTimeout: 1_000 }, pool: {} }
  const [idle] = found({ targets: [{ upstream, recommended, endpoints: [{ idleTimeoutMs: 5_000 }, { idleTimeoutMs: 2_000 }, { idleTimeoutMs: 5_000 }, {}] }] })
  t.match(idle, {
    id: 'idle-above-backend',
    found: 'undiciOptions.keepAliveTimeout: 60000; the backend closes after 5000 ms (10.0.0.1:3000, 10.0.0.3:3000); ' +
      'undiciOptions.keepAliveTimeout: 60000; the backend closes after 2000 ms (10.0.0.2:3000)',
    remedy: /^undiciOptions\.keepAliveTimeout: 1000;/
  })
  const [many] = found({ targets: [{ upstream, endpoints: [1, 2, 3, 4].map(n => ({ idleTimeoutMs: n * 1_000 })) }] })
  t.match(many, { found: /\(10\.0\.0\.3:3000\); and 1 more$/ })
  const lost = { unreachable: 'The backend could not be reached (ECONNREFUSED)' }
  t.match(found({ targets: [{ upstream, endpoints: [{}, lost, {}, {}] }] }), [{
    id: 'endpoints-unreachable', found: '3 of 4 endpoints reached; 10.0.0.2:3000: The backend could not be reached (ECONNREFUSED)'
  }])
  t.match(found({ targets: [{ upstream, endpoints: [lost, lost] }] }), [{ id: 'unreachable', found: /^none of 2 endpoints reached; 10\.0\.0\.1:3000: / }])
  t.match(found({ targets: [{ upstream: 'dns+https://users.internal', endpoints: [lost] }] }), [{ id: 'unreachable', found: /^10\.0\.0\.1:3000: The/ }])
  t.match(found({ targets: [{ upstream }], around: { replicas: 2, backendMaxConnections: 100 } }), [{
    id: 'backend-overrun', target: upstream[0], found: '2 x 128 = 256 connections to each of 4 endpoints, and one can bear 100', remedy: 'undiciOptions.connections: 50'
  }])
  t.match(found({ targets: [{ addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3'] }] }), [{
    id: 'one-replica-reached',
    found: 'https://users.internal:3000 has 3 addresses: 10.0.0.1, 10.0.0.2, 10.0.0.3; a dial reaches the first that accepts',
    remedy: 'upstream: \'dns+https://users.internal:3000\'; each address is an endpoint then.'
  }])
})

t.test('a finding contains no secret from the same options', async t => {
  const affinity = { cookie: 'at', secret: 'SECRET-SECRET-SECRET-SECRET-SECRET' }
  t.match(found({ targets: [{ options: { affinity } }] }), [{ found: /^affinity: \{ cookie: 'at' \};/ }])
  t.notMatch(JSON.stringify(found({ targets: [{ options: { affinity } }] })), 'SECRET')
  const connect = { rejectUnauthorized: false, timeout: 90_000, passphrase: 'SECRET' }
  t.notMatch(JSON.stringify(found({ targets: [{ options: { undiciOptions: { connect, keepAliveTimeout: 0 } } }] })), 'SECRET')
})

t.test('ids are words with dashes, and unique', async t => {
  t.strictSame([...new Set(RULES.map(({ id }) => id))], RULES.map(({ id }) => id))
  for (const { id } of RULES) t.match(id, /^[a-z]+(?:-[a-z]+)*$/)
})

t.test('every rule is listed with its log code', async t => {
  for (const rule of RULES) {
    t.ok(rulesAsText().includes(`${rule.id} `), rule.id)
    t.equal(rulesAsText().includes(warningCode(rule)), rule.atRegister === true)
  }
})

t.test('docs/check.md is what `npm run made` writes', async t => {
  t.equal(readFileSync(new URL('../../docs/check.md', import.meta.url), 'utf8'), rulesAsMarkdown())
})
