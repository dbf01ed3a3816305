import { join } from 'node:path'
import t from 'tap'
import { Discovery } from '../../src/discovery/discovery.js'
import { parseDiscoveryUrl } from '../../src/discovery/discovery-url.js'
import { inClusterAccess } from '../../src/discovery/kubernetes/access.js'
import { sourceOfUrl, type SourceSettings } from '../../src/discovery/source-of-url.js'
import { SYSTEM_TIMING } from '../../src/discovery/timing.js'
import { startDnsServer } from '../../testing/dns-server.js'
import { startKubernetesApi } from '../../testing/kubernetes-api.js'

/** The first list of endpoints of an upstream. */
async function endpointsOf (upstream: string, settings: SourceSettings): Promise<string[]> {
  const discovery = new Discovery({ source: sourceOfUrl(parseDiscoveryUrl(upstream), settings, upstream), timing: SYSTEM_TIMING })
  const endpoints = await new Promise<string[]>(resolve => discovery.start({ changed: found => resolve(found.map(({ id }) => id)) }))
  discovery.stop()
  return endpoints
}

t.test('each kind of upstream finds its endpoints', async t => {
  const dns = await startDnsServer()
  t.teardown(() => dns.close())
  dns.set('users.internal', 'A', ['10.0.0.1'])
  dns.set('_http._tcp.users.internal', 'SRV', ['0 0 8080 users.internal'])
  const api = await startKubernetesApi()
  t.teardown(() => api.close())
  api.apply({
    metadata: { name: 'users-a', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'users' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.3'] }],
    ports: [{ name: 'http', port: 3000 }]
  })
  const settings = { servers: [dns.address], kubernetes: { url: `http://127.0.0.1:${api.port}`, namespace: 'shop' } }
  t.same(await endpointsOf('dns+http://users.internal.:3000', settings), ['10.0.0.1:3000'])
  t.same(await endpointsOf('srv+http://_http._tcp.users.internal.', settings), ['10.0.0.1:8080'])
  t.same(await endpointsOf('kubernetes+http://users.shop:http', settings), ['10.0.0.3:3000'])
  t.same(await endpointsOf('kubernetes+http://users', settings), ['10.0.0.3:3000'], 'the account\'s namespace')
})

t.test('a service account that is not there, and a namespace that neither the URL nor the account tells, are errors', async t => {
  const host = process.env['KUBERNETES_SERVICE_HOST']
  delete process.env['KUBERNETES_SERVICE_HOST']
  t.teardown(() => { if (host !== undefined) process.env['KUBERNETES_SERVICE_HOST'] = host })
  const source = (upstream: string, settings: SourceSettings = {}): unknown =>
    sourceOfUrl(parseDiscoveryUrl(upstream), settings, upstream, 'upstream of /users')
  t.throws(() => source('kubernetes+http://users.shop'), {
    code: 'HOLDFAST_ERR_OPTION',
    message: /^upstream of \/users: "kubernetes\+http:\/\/users\.shop" needs the service account .* KUBERNETES_SERVICE_HOST is not set; run/
  })
  t.throws(
    () => source('kubernetes+http://users', { kubernetes: { url: 'http://127.0.0.1:1' } }),
    { message: /has no namespace, and the service account tells none; give one/ }
  )
})

t.test('a pod\'s access is its service account, with the address of the API server', async t => {
  const directory = t.testdir({ token: 'secret', 'ca.crt': 'PEM', namespace: 'shop\n', bare: { token: 'x' }, empty: {} })
  t.same(inClusterAccess('upstream', 'x', { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }, directory), {
    url: 'https://[fd00::1]:6443', tokenFile: join(directory, 'token'), caFile: join(directory, 'ca.crt'), namespace: 'shop'
  })
  t.same(inClusterAccess('upstream', 'x', { KUBERNETES_SERVICE_HOST: '10.96.0.1' }, join(directory, 'bare')), {
    url: 'https://10.96.0.1:443', tokenFile: join(directory, 'bare/token')
  })
  t.throws(
    () => inClusterAccess('upstream', 'x', { KUBERNETES_SERVICE_HOST: '10.96.0.1' }, join(directory, 'empty')),
    { message: /and .*\/empty\/token is not there; run in a pod/ }
  )
})
