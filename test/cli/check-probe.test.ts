import t, { type Test } from 'tap'
import type { CheckedTarget } from '../../src/check/rule.js'
import { measured } from '../../src/cli/check-probe.js'
import { jsonOf, reportOf } from '../../src/cli/check-report.js'
import { findingsOf } from '../../src/check/findings.js'
import type { Finding } from '../../src/check/findings.js'
import type { Backend, BackendScript } from '../../testing/backend.js'
import { idleCloser, persistent } from '../../testing/behaviours.js'
import { backendFor } from '../../testing/gateway.js'
import { appOf } from '../check/subjects.js'
import type { TargetCase } from '../check/subjects.js'

t.jobs = 2

const WAIT = 1_000

interface Probed { readonly targets: readonly CheckedTarget[], readonly findings: readonly Finding[], readonly text: string, readonly json: string }

async function probed (...targets: TargetCase[]): Promise<Probed> {
  const apps = await measured([appOf({ targets })], WAIT)
  const findings = findingsOf(apps[0]!, { replicas: 1 })
  return { targets: apps[0]!.targets, findings, text: reportOf(apps, findings, 0), json: jsonOf(apps, findings) }
}

const gone = async (t: Test): Promise<Backend> => {
  const backend = await backendFor(t, persistent())
  await backend.close()
  return backend
}

const ids = ({ findings }: Probed): string[] => findings.map(({ id }) => id)

t.test('each endpoint of a list is probed in the name of the target, and those that are lost are named', async t => {
  const first = await backendFor(t, persistent(), { log: true })
  const second = await backendFor(t, idleCloser({ idleMs: 500, how: 'fin' }), { log: true })
  const lost = await gone(t)
  const result = await probed({ upstream: [first.url, second.url, lost.url] })
  t.match(result.targets[0]!.measured, { endpoints: [{ report: { persistent: true } }, { report: { idleTimeoutMs: Number } }, { unreachable: /ECONNREFUSED/ }] })
  t.strictSame(ids(result), ['endpoints-unreachable', 'endpoints-differ', 'idle-above-backend'])
  t.match(result.findings[0]!.found, /^2 of 3 endpoints reached; 127\.0\.0\.1:\d+: /)
  t.match(result.text, new RegExp(`\n  ${first.url.slice(7)}: closed no idle connection; `))
  t.match(result.text, new RegExp(`\n  ${lost.url.slice(7)}: The backend could not be reached \\(ECONNREFUSED\\)\n`))
  t.match(JSON.parse(result.json), { targets: [{ measured: { endpoints: [{ address: first.url.slice(7) }, {}, {}], differences: [/^idle timeout: not seen/] } }] })
  for (const { log } of [first, second]) t.ok(log.every(request => request.header('host') === first.url.slice(7)))
})

t.test('a target whose endpoints cannot be found is unreachable', async t => {
  const result = await probed({ upstream: 'dns+http://nowhere.invalid:3000' })
  t.match(result.findings, [{ id: 'unreachable', found: /^The backend's name could not be resolved \(.*nowhere\.invalid/ }])
})

t.test('two targets with the same endpoints share their probe', async t => {
  const backend = await backendFor(t, persistent(), { log: true })
  const upstream = [backend.url, (await gone(t)).url]
  const { targets, findings } = await probed({ name: 'a', upstream }, { name: 'b', upstream })
  t.equal(backend.log.filter(({ method }) => method === 'HEAD').length, 1, 'a probe sends one HEAD')
  t.equal(targets[0]!.measured, targets[1]!.measured)
  t.match(findings.map(({ id, target }) => [id, target]), [['endpoints-unreachable', 'a'], ['endpoints-unreachable', 'b']])
})

t.test('a plain name has its addresses, and an address none', async t => {
  const backend = await backendFor(t, persistent())
  const result = await probed({ origin: `http://localhost:${backend.port}` }, { origin: backend.url })
  t.ok(result.targets[0]!.addresses!.includes('127.0.0.1'))
  t.equal(result.targets[1]!.addresses, undefined)
  t.strictSame(ids(result), [], 'an address of each family is one replica')
})

t.test('the path of the health check is asked for, once at each endpoint', async t => {
  const status = (code: number): BackendScript => ({ path }, connection) => connection.reply({ status: path === '/health' ? code : 200 })
  const backends = await Promise.all([204, 404].map(code => backendFor(t, status(code), { log: true })))
  const lost = await gone(t)
  const healthCheck = { path: '/health', timeout: 5_000 }
  const result = await probed({ upstream: [...backends.map(({ url }) => url), lost.url], options: { healthCheck } })
  const finding = result.findings.find(({ id }) => id === 'health-check-fails')
  t.equal(finding?.found, `healthCheck.path: /health, status: 2xx; 404 (${backends[1]!.url.slice(7)})`, 'and not the one that cannot be reached')
  for (const { log } of backends) {
    const asked = log.filter(({ path }) => path === '/health')
    t.equal(asked.length, 1)
    t.equal(asked[0]!.header('host'), backends[0]!.url.slice(7))
  }
  const plain = await probed({ origin: backends[1]!.url, options: { healthCheck } })
  t.ok(ids(plain).includes('health-check-fails'), 'at a single backend too')
})
