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

t.test('every rule has a case that breaks it and one that comes close', async t => {
  t.strictSame(Object.keys(CASES).sort(), RULES.map(({ id }) => id).sort())
  for (const [id, { fires, silent }] of Object.entries(CASES)) t.ok(fires.length > 0 && silent.length > 0, id)
})

for (const { id, severity, why } of RULES) {
  t.test(`${id} is found where it holds, once a place, and nowhere else`, async t => {
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

t.test('by default nothing is found, nor with a sane backend, front and fleet', async t => {
  t.strictSame(found({}), [])
  t.strictSame(found({ targets: [{ measured: {} }, { origin: 'http://127.0.0.1:3000', routes: [{ upgradable: true }] }, { origin: null }] }), [])
  t.strictSame(found({ around: { frontIdle: 60_000, frontTimeout: 90_000, replicas: 4, backendMaxConnections: 512 } }), [])
  t.strictSame(found({ targets: [{ measured: { idleTimeoutMs: 6_000, hint: { timeoutMs: 5_000, max: null }, requestsPerConnection: null } }] }), [], 'node')
  t.strictSame(found({ targets: [{ measured: { idleTimeoutMs: 4_996, hint: { timeoutMs: 5_000, max: 100 }, requestsPerConnection: 101 } }] }), [], 'Apache')
})

t.test('a remedy names the very value where it follows from what was found', async t => {
  const remedy = (id: string, given: Case): string | undefined => found(given).find(finding => finding.id === id)?.remedy
  t.match(remedy('backend-overrun', { around: { replicas: 4, backendMaxConnections: 100 } }), 'undiciOptions.connections: 25')
  t.match(remedy('front-answers-first-under-load', { around: { frontTimeout: 60_000 } }), 'undiciOptions.headersTimeout: 51000')
  t.match(remedy('front-outlives-server', { server: { keepAliveTimeout: 5_000 }, around: { frontIdle: 60_000 } }), 'keepAliveTimeout: 72000')
  const recommended = { undiciOptions: { keepAliveTimeout: 4_000 }, pool: {} }
  t.match(remedy('idle-above-backend', { targets: [{ measured: { idleTimeoutMs: 5_000, recommended } }] }), 'undiciOptions.keepAliveTimeout: 4000')
  t.match(remedy('idle-above-backend', { targets: [{ measured: {}, options: { undiciOptions: { keepAliveTimeout: 90_000 } } }] }), 'Leave undiciOptions.keepAliveTimeout out')
})

t.test('a setting that follows its remedy is not found again', async t => {
  const around = { replicas: 4, backendMaxConnections: 100, frontTimeout: 60_000, frontIdle: 75_000 }
  t.strictSame(found({ around }).map(({ id }) => id), ['front-answers-first-under-load', 'front-outlives-server', 'backend-overrun'])
  t.strictSame(found({ around, targets: [{ options: { undiciOptions: { connections: 25, headersTimeout: 51_000 } } }], server: { keepAliveTimeout: 90_000 } }), [])
})

t.test('a finding holds no secret of the same options', async t => {
  const connect = { rejectUnauthorized: false, timeout: 90_000, passphrase: 'SECRET' }
  t.notMatch(JSON.stringify(found({ targets: [{ options: { undiciOptions: { connect, keepAliveTimeout: 0 } } }] })), 'SECRET')
})

t.test('ids are words with dashes, and no two alike', async t => {
  t.strictSame([...new Set(RULES.map(({ id }) => id))], RULES.map(({ id }) => id))
  for (const { id } of RULES) t.match(id, /^[a-z]+(?:-[a-z]+)*$/)
})

t.test('every rule is listed, with the code that it is logged by', async t => {
  for (const rule of RULES) {
    t.ok(rulesAsText().includes(`${rule.id} `), rule.id)
    t.equal(rulesAsText().includes(warningCode(rule)), rule.atRegister === true)
  }
})

t.test('docs/check.md is what the table says; npm run -s holdfast -- check --rules --markdown > docs/check.md makes it so', async t => {
  t.equal(readFileSync(new URL('../../docs/check.md', import.meta.url), 'utf8'), rulesAsMarkdown())
})
