import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { KubernetesAccess } from '../../src/discovery/kubernetes/access.js'
import { KubernetesSource, type KubernetesSourceOptions } from '../../src/discovery/kubernetes/kubernetes-source.js'
import { createAuthority, type Certificate } from '../../testing/certificates.js'
import { GivenTime } from '../../testing/given-time.js'
import { startKubernetesApi, statusObject, type KubernetesApiServer, type Refusal, type SliceObject } from '../../testing/kubernetes-api.js'
import { listenTo, type SourceEvents } from '../../testing/source-events.js'

interface Rig {
  readonly api: KubernetesApiServer
  readonly time: GivenTime
  readonly events: SourceEvents
  readonly source: KubernetesSource
  /** Resolves when the source has a watch. */
  watching (): Promise<void>
}

type Setup = Partial<Omit<KubernetesSourceOptions, 'access'>> & { readonly access?: Partial<KubernetesAccess> }

/** A source of the service shop/users at an API server. Pushes come at once, and other timers when the test says so. */
async function rig (t: Test, prepare: (api: KubernetesApiServer) => void, setup: Setup = {}, tls?: Certificate): Promise<Rig> {
  const { access: extra, ...more } = setup
  const api = await startKubernetesApi(tls)
  t.teardown(() => api.close())
  prepare(api)
  const time = new GivenTime()
  time.hurry = 100
  const access = { url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${api.port}`, ...extra }
  const service = { namespace: 'shop', service: 'users', port: 'http', protocol: 'http:' } as const
  const source = new KubernetesSource({ ...service, timing: time, families: () => [4, 6], ...more, access })
  t.teardown(() => source.stop())
  // The source has a watch when the timer runs that notices a stalled one.
  const watching = async (): Promise<void> => {
    await api.watched()
    await time.waitsFor(300_000, 330_000)
  }
  return { api, time, source, watching, events: listenTo(source) }
}

function slice (name: string, addresses: readonly string[], more: Partial<SliceObject> = {}): SliceObject {
  return {
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': 'users' } },
    addressType: 'IPv4',
    endpoints: addresses.map(address => ({ addresses: [address], conditions: { ready: true, serving: true, terminating: false } })),
    ports: [{ name: 'http', port: 3000, protocol: 'TCP' }],
    ...more
  }
}

const parameters = (request: string): { [name: string]: string } => Object.fromEntries(new URL(request, 'http://api').searchParams)

t.test('a list and then a watch say who the endpoints are', async t => {
  const { api, events, time, watching } = await rig(t, api => {
    api.apply(slice('users-a', ['10.0.0.1', '10.0.0.2']))
    const metadata = { name: 'other', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'other' } }
    api.apply({ ...slice('other', ['10.9.9.9']), metadata })
  })
  await events.until('10.0.0.1 10.0.0.2')
  t.same(
    parameters(await api.requested(/endpointslices/)),
    { labelSelector: 'kubernetes.io/service-name=users', resourceVersion: '0', limit: '500' }
  )
  t.same(parameters(await api.requested(/watch/)), {
    labelSelector: 'kubernetes.io/service-name=users',
    watch: '1',
    allowWatchBookmarks: 'true',
    resourceVersion: '1002',
    timeoutSeconds: '300'
  })
  t.equal(events.answers[0]?.absence, 'gone')
  await watching()
  api.apply(slice('users-b', ['10.0.0.3']))
  await events.until('10.0.0.1 10.0.0.2 10.0.0.3')
  api.apply(slice('users-a', ['10.0.0.2']))
  await events.until('10.0.0.2 10.0.0.3')
  api.remove('shop', 'users-b')
  await events.until('10.0.0.2')
  t.same(events.faults, [])
  t.equal(time.timers, 1, 'the one that notices a watch that is stalled')
})

t.test('a watch that has ended is taken up at its last version, which a bookmark tells too', async t => {
  const { api, events, time, watching } = await rig(t, api => api.apply(slice('users-a', ['10.0.0.1'])))
  await events.until('10.0.0.1')
  await api.requested(/watch/)
  await watching()
  api.bookmark()
  api.apply(slice('users-b', ['10.0.0.2']))
  api.bookmark()
  await events.until('10.0.0.1 10.0.0.2')
  time.pass(1_000)
  api.endWatches()
  t.equal(parameters(await api.requested(/watch/))['resourceVersion'], '1022')
  await watching()
  api.compact()
  api.apply(slice('users-c', ['10.0.0.3']))
  await events.until('10.0.0.1 10.0.0.2 10.0.0.3')
  t.same(events.faults, [])
})

t.test('a version that is too old is listed anew, whether the answer says so or an event', async t => {
  const { api, events, time, watching } = await rig(t, api => api.apply(slice('users-a', ['10.0.0.1'])))
  await events.until('10.0.0.1')
  await api.requested(/watch/)
  await watching()
  api.cutWatches()
  await time.waitsFor(800)
  api.remove('shop', 'users-a')
  api.apply(slice('users-b', ['10.0.0.2']))
  api.compact()
  time.pass(800)
  await events.until('10.0.0.2')
  await api.requested(/watch.*resourceVersion=1001/)
  t.equal(parameters(await api.requested(/limit/))['resourceVersion'], undefined, 'of the newest version')
  await api.requested(/watch/)
  await watching()
  time.pass(200_000)
  api.send(`${JSON.stringify({ type: 'ERROR', object: statusObject(410, 'too old resource version') })}\n`)
  await time.waitsFor(800, 1_600)
  time.pass(1_600)
  await api.requested(/limit/)
  await events.until('10.0.0.2')
  t.same(events.faults, [], 'which is no fault')
})

t.test('a watch that is cut in the middle of an event loses nothing', async t => {
  const { api, events, time, watching } = await rig(t, api => api.apply(slice('users-a', ['10.0.0.1'])))
  await events.until('10.0.0.1')
  await watching()
  api.send('{"type":"ADDED","object":{"metadata":{"name":"users-b","resourceVersion":"1005"},"addressType":"IPv4","endp')
  await events.next()
  api.cutWatches()
  await time.waitsFor(800)
  api.apply(slice('users-b', ['10.0.0.2']))
  time.pass(800)
  await events.until('10.0.0.1 10.0.0.2')
  await api.requested(/watch/)
  t.equal(parameters(await api.requested(/watch/))['resourceVersion'], '1001')
  t.same(events.faults, [], 'one cut is no fault')
})

t.test('rubbish in a watch is a fault, and the watch is taken up again', async t => {
  for (const rubbish of ['no json\n', '7\n', '{"type":"ADDED"}\n', '{"type":"ADDED","object":{"metadata":{}}}\n']) {
    const { api, events, time, watching } = await rig(t, api => api.apply(slice('users-a', ['10.0.0.1'])))
    await events.until('10.0.0.1')
    await watching()
    api.send(rubbish)
    await events.until(/^failed: (?:a line of the watch is no JSON object|an event of the watch has no resourceVersion)/)
    await time.waitsFor(800)
    time.pass(800)
    await api.requested(/watch/)
    await api.requested(/watch/)
    await events.until('10.0.0.1')
  }
})

t.test('a watch that is stalled is noticed when its time is over', async t => {
  const { api, events, time, watching } = await rig(t, api => api.apply(slice('users-a', ['10.0.0.1'])))
  await events.until('10.0.0.1')
  await watching()
  time.pass(329_999)
  t.same(events.faults, [])
  time.pass(1)
  await events.until(/^failed: the API server has not ended a watch after 300 s and 30000 ms: it was stalled/)
  await time.waitsFor(800)
  time.pass(800)
  await api.requested(/watch/)
  await api.requested(/watch/)
})

t.test('an API server that accepts and says nothing is given up after 30 s', async t => {
  let silent = true
  const { api, events, time } = await rig(t, api => {
    api.apply(slice('users-a', ['10.0.0.1']))
    api.holds = () => silent
  })
  await api.requested(/limit/)
  await time.waitsFor(30_000)
  time.pass(30_000)
  t.equal(await events.next(), 'failed: the API server has not answered in 30000 ms')
  silent = false
  await time.waitsFor(800)
  time.pass(800)
  await events.until('10.0.0.1')
})

t.test('a token that was replaced is read again at once, and one that stays wrong is a fault', async t => {
  const file = join(t.testdir({ token: 'first\n' }), 'token')
  const { api, events, time, watching } = await rig(t, api => {
    api.token = 'first'
    api.apply(slice('users-a', ['10.0.0.1']))
  }, { access: { tokenFile: file } })
  await events.until('10.0.0.1')
  await watching()
  writeFileSync(file, 'second\n')
  api.refuse = () => {
    api.refuse = () => undefined
    api.token = 'second'
    return { status: 401, message: 'Unauthorized' }
  }
  time.pass(1_000)
  api.requests.length = 0
  api.endWatches()
  await api.requested(/watch/)
  await api.requested(/watch/)
  await watching()
  t.same(events.faults, [])
  api.token = 'third'
  time.pass(1_000)
  api.endWatches()
  await events.until('failed: the API server does not accept the service account\'s token (401)')
  writeFileSync(file, 'third\n')
  await time.waitsFor(800)
  time.pass(800)
  await events.until('10.0.0.1')
})

t.test('a missing permission names the rule that is needed, and other refusals their status', async t => {
  let refusal: Refusal | undefined = { status: 403, message: 'endpointslices.discovery.k8s.io is forbidden' }
  const { events, time } = await rig(t, api => { api.refuse = () => refusal })
  t.equal(await events.next(), 'failed: the service account may not follow EndpointSlices in namespace shop (403); bind it to a Role ' +
    'there with the rule apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"]')
  t.equal(events.faults[0]?.cause, 'endpointslices.discovery.k8s.io is forbidden')
  refusal = { status: 404, message: 'not found' }
  await time.waitsFor(800)
  time.pass(800)
  t.match(await events.next(), /has no discovery\.k8s\.io\/v1 \(404\); it needs Kubernetes 1\.21/)
  refusal = { status: 429, message: 'slow down', headers: { 'retry-after': '7' } }
  await time.waitsFor(1_600)
  time.pass(1_600)
  t.equal(await events.next(), 'failed: the API server answered 429')
  await time.waitsFor(7_000)
  refusal = undefined
  time.pass(7_000)
  t.match(
    await events.next(),
    /^; no EndpointSlice in namespace shop has the label kubernetes\.io\/service-name=users; is there a Service of this name/
  )
})

t.test('a list comes page by page, and in one piece if a page has expired', async t => {
  const names = Array.from({ length: 1_200 }, (_, n) => `10.0.${n >> 8}.${n & 255}`)
  const all = [...names].sort().join(' ')
  const { api, events, time, watching } = await rig(t, api => {
    names.forEach((address, index) => api.apply(slice(`users-${index}`, [address])))
  })
  // The server's cache answers the first list, which has one page.
  await events.until(all)
  const confuse = async (): Promise<void> => {
    await watching()
    api.requests.length = 0
    api.send(`${JSON.stringify({ type: 'ERROR', object: statusObject(500, 'confused') })}\n`)
    await events.until('failed: the API server answered 500')
    await time.waitsFor(800, 1_600)
    time.pass(1_600)
  }
  await confuse()
  t.match(parameters(await api.requested(/endpointslices/)), { limit: '500', continue: undefined, resourceVersion: undefined })
  t.match(parameters(await api.requested(/endpointslices/)), { limit: '500', continue: '1.500', resourceVersion: undefined })
  t.match(parameters(await api.requested(/endpointslices/)), { limit: '500', continue: '1.1000' })
  await events.until(all)
  api.refuse = url => {
    if (url.searchParams.has('continue')) api.compact()
    return undefined
  }
  await confuse()
  t.match(parameters(await api.requested(/endpointslices/)), { limit: '500' })
  t.match(parameters(await api.requested(/endpointslices/)), { continue: '2.500' })
  t.same(Object.keys(parameters(await api.requested(/endpointslices/))), ['labelSelector'])
  await events.until(all)
})

t.test('no endpoint that serves, no slice, and a port that is not there are faults', async t => {
  const endpoints = [{ addresses: ['10.0.0.1'], conditions: { ready: false } }]
  const { api, events, watching } = await rig(t, api => api.apply(slice('users-a', [], { endpoints })))
  t.equal(await events.next(), '; no endpoint of shop/users serves')
  await watching()
  api.apply(slice('users-a', ['10.0.0.1'], { ports: [{ name: 'grpc', port: 9000 }] }))
  await events.until(/^failed: its EndpointSlices have no port http, but grpc 9000/)
  api.apply(slice('users-a', ['10.0.0.1'], { ports: [{ name: 'http', port: 3000, appProtocol: 'https' }] }))
  await events.until('10.0.0.1; its EndpointSlices say that https is spoken there, and the upstream says http:')
})

t.test('over TLS the API server has to have a certificate of the cluster\'s authority', async t => {
  const authority = createAuthority('cluster')
  const { cert, key } = authority.issue({ commonName: 'kubernetes', addresses: ['127.0.0.1'] })
  const caFile = join(t.testdir({ 'ca.crt': authority.cert, 'other.crt': createAuthority('other').cert }), 'ca.crt')
  const { events } = await rig(t, api => api.apply(slice('users-a', ['10.0.0.1'])), { access: { caFile } }, { cert, key })
  await events.until('10.0.0.1')
  const { events: refused } = await rig(t, () => {}, { access: { caFile: join(t.testdirName, 'other.crt') } }, { cert, key })
  t.match(
    await refused.next(), /^failed: the API server https:\/\/127\.0\.0\.1:\d+ cannot be asked: UNABLE_TO_VERIFY_LEAF_SIGNATURE|DEPTH|SELF/
  )
  const { events: without } = await rig(t, () => {}, { access: { tokenFile: '/nonexistent/token' } })
  t.equal(await without.next(), 'failed: /nonexistent/token cannot be read: ENOENT')
})

t.test('stop ends the watch, and leaves no timer', async t => {
  const { api, events, source, time, watching } = await rig(t, api => api.apply(slice('users-a', ['10.0.0.1'])))
  await events.until('10.0.0.1')
  await watching()
  source.stop()
  while (api.watching > 0) await new Promise(resolve => setImmediate(resolve))
  const told = events.answers.length + events.faults.length
  while (time.timers > 0) await new Promise(resolve => setImmediate(resolve))
  time.pass(60_000)
  t.equal(events.answers.length + events.faults.length, told)
})

t.test('1 000 changes are coalesced, and the last one is told', async t => {
  const { api, events, watching } = await rig(t, api => api.apply(slice('users-a', ['10.0.0.1'])))
  await events.until('10.0.0.1')
  await watching()
  const before = events.answers.length
  for (let n = 1; n <= 1_000; n++) api.apply(slice('users-a', [`10.1.${n >> 8}.${n & 255}`]))
  await events.until('10.1.3.232')
  t.ok(events.answers.length - before < 500, `${events.answers.length - before} pushes`)
})
