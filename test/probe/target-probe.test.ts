import t, { type Test } from 'tap'
import { parseDiscoveryUrl } from '../../src/discovery/discovery-url.js'
import { readGivenList } from '../../src/discovery/given-list.js'
import type { GivenEndpoint } from '../../src/options/upstream-option.js'
import type { Found } from '../../src/discovery/source.js'
import { endpointsFound } from '../../src/probe/endpoints-found.js'
import type { PlannedTarget } from '../../src/probe/endpoints-found.js'
import type { ProbeOptions } from '../../src/probe/probe.js'
import { measureEndpoints } from '../../src/probe/target-probe.js'
import { targetReportOf } from '../../src/probe/target-report.js'
import type { TargetProbeReport } from '../../src/probe/target-report.js'
import { startBackend } from '../../testing/backend.js'
import type { Backend, BackendOptions, BackendScript } from '../../testing/backend.js'
import { idleCloser, nginx, persistent } from '../../testing/behaviours.js'
import { certificates } from '../../testing/certificates.js'
import { startDnsServer } from '../../testing/dns-server.js'

t.jobs = 3

type Scope = Pick<Test, 'teardown'>

async function backendAt (t: Scope, script: BackendScript, options: BackendOptions = {}): Promise<Backend> {
  const backend = await startBackend(script, { log: true, ...options })
  t.teardown(() => backend.close())
  return backend
}

const listOf = (...urls: GivenEndpoint[]): readonly Found[] => readGivenList(urls, 'upstream').found

async function probed (origin: string, endpoints: readonly Found[], options: Partial<ProbeOptions> = {}, path = '/path?query'): Promise<TargetProbeReport> {
  const url = new URL(origin)
  return targetReportOf(url, await measureEndpoints({ origin: url, endpoints, path }, { maxWait: 2_000, connections: 1, requests: 20, ...options }))
}

t.test('each endpoint is measured, one after another, in the name of the origin', async t => {
  const order: string[] = []
  const script = (name: string): BackendScript => (_request, connection) => {
    if (order.at(-1) !== name) order.push(name)
    connection.reply({ headers: { Connection: 'close' } })
    connection.end()
  }
  const a = await backendAt(t, script('a'), { host: '127.0.0.2' })
  const b = await backendAt(t, script('b'), { host: '127.0.0.3' })
  const { origin, endpoints, differences } = await probed('http://users.internal:8080', listOf(a.url, b.url))
  t.equal(origin, 'http://users.internal:8080')
  t.match(endpoints, [{ address: a.url.slice(7), report: { url: `${a.url}/path?query`, persistent: false } }, { address: b.url.slice(7), report: { persistent: false } }])
  t.strictSame(order, ['a', 'b'])
  t.strictSame(differences, [])
  for (const { log } of [a, b]) {
    t.ok(log.length > 0 && log.every(request => request.header('host') === 'users.internal:8080' && request.path === '/path?query'))
  }
})

t.test('what differs is said, and the strictest settings are recommended', async t => {
  const patient = await backendAt(t, persistent())
  const hasty = await backendAt(t, idleCloser({ idleMs: 300, how: 'rst' }))
  const counting = await backendAt(t, nginx({ keepAliveMs: 1_700, requests: 5 }))
  const { endpoints, differences, recommended } = await probed(patient.url, listOf(patient.url, hasty.url, counting.url), { maxWait: 4_000 })
  t.equal(endpoints.length, 3)
  t.match(differences.join('\n'), new RegExp(`idle timeout: not seen \\(${patient.url.slice(7)}\\); \\d{3} ms \\(${hasty.url.slice(7)}\\); \\d\\.\\d\\d s \\(${counting.url.slice(7)}\\)`))
  t.match(differences.join('\n'), /how it closes: by RST \(.*\); by FIN \(/)
  t.match(differences.join('\n'), /requests a connection: no limit found \(.*, .*\); 5 \(/)
  const [, { report }] = endpoints as [unknown, { report: { recommended: typeof recommended } }, unknown]
  t.strictSame(recommended.undiciOptions, report.recommended.undiciOptions)
  t.ok(recommended.undiciOptions.keepAliveTimeout! < 300)
})

t.test('an endpoint that cannot be reached is a result, and the others are measured', async t => {
  const gone = await backendAt(t, persistent())
  await gone.close()
  const there = await backendAt(t, nginx({ keepAliveMs: 300 }))
  const { endpoints } = await probed(there.url, listOf(gone.url, there.url))
  t.match(endpoints, [{ address: gone.url.slice(7), unreachable: 'The backend could not be reached (ECONNREFUSED)' }, { report: { persistent: true } }])
})

t.test('the certificate of an endpoint has to be for the origin\'s name', async t => {
  const { server, ca } = certificates()
  const backend = await backendAt(t, nginx({ keepAliveMs: 300 }), { tls: server })
  const [right] = (await probed('https://localhost', listOf(backend.url), { connect: { ca } })).endpoints
  t.match(right, { report: { persistent: true, tlsMs: Number } })
  const [wrong] = (await probed('https://users.internal', listOf(backend.url), { connect: { ca } })).endpoints
  t.match(wrong, { unreachable: /ERR_TLS_CERT_ALTNAME_INVALID/ })
  const [named] = (await probed('https://users.internal', listOf(backend.url), { connect: { ca, servername: 'localhost' } })).endpoints
  t.match(named, { report: { persistent: true } }, 'a name that the user gives counts')
})

t.test('an interrupted probe leaves out the endpoints that it has not come to', async t => {
  const backends = await Promise.all([1, 2].map(() => backendAt(t, persistent())))
  const controller = new AbortController()
  const progress: string[] = []
  const report = await probed(backends[0]!.url, listOf(...backends.map(({ url }) => url)), {
    maxWait: 60_000,
    signal: controller.signal,
    onProgress: text => {
      progress.push(text)
      controller.abort()
    }
  })
  t.equal(report.endpoints.length, 1)
  t.match(progress[0], new RegExp(`^${backends[0]!.url.slice(7)}, 1 of 2: `))
})

t.test('the endpoints of a plan: a list, a name, a function', async t => {
  const dns = await startDnsServer()
  t.teardown(() => dns.close())
  dns.set('users.internal', 'A', ['10.0.0.1', '10.0.0.2'])
  const settings = { servers: [dns.address] }
  const url = parseDiscoveryUrl('dns+http://users.internal:3000')
  const ids = async (plan: PlannedTarget['plan']): Promise<string[]> => (await endpointsFound({ origin: url.origin, plan }, settings)).map(({ id }) => id)
  t.strictSame((await ids({ kind: 'url', url, upstream: 'dns+http://users.internal:3000' })).sort(), ['10.0.0.1:3000', '10.0.0.2:3000'])
  t.strictSame(await ids({ kind: 'list', found: listOf('http://a:1', 'http://b:2') }), ['a:1', 'b:2'])
  t.strictSame(await ids({ kind: 'function', discover: () => ['http://10.0.0.3:1'] }), ['10.0.0.3:1'])
  await t.rejects(ids({ kind: 'function', discover: () => [] }), { code: 'HOLDFAST_ERR_UNRESOLVABLE' })
  await t.rejects(ids({ kind: 'function', discover: () => { throw new Error('no registry') } }), { code: 'HOLDFAST_ERR_UNRESOLVABLE', cause: { message: /no registry/ } })
})

t.test('a source that does not answer is given up by the signal', async t => {
  const controller = new AbortController()
  let signal: AbortSignal | undefined
  const found = endpointsFound({
    origin: new URL('http://users.internal'),
    plan: {
      kind: 'function',
      discover: async given => {
        signal = given.signal
        queueMicrotask(() => controller.abort())
        return await new Promise(() => {})
      }
    }
  }, {}, controller.signal)
  await t.rejects(found, { code: 'HOLDFAST_ERR_DRAINING' })
  t.ok(signal!.aborted)
})
