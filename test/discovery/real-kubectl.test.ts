import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { startKubernetesApi, type SliceObject } from '../../testing/kubernetes-api.js'
import { isInstalled } from '../../testing/real-servers.js'

const skip = process.env['HOLDFAST_REAL'] !== '1' ? 'HOLDFAST_REAL=1 runs it' : !isInstalled('kubectl') && 'kubectl is not installed'

// A page of the list is one event, with its items; then there is an event a slice.
const TEMPLATE = 'jsonpath={.type} {.object.items[*].metadata.name}{.object.metadata.name} {.object.endpoints[0].addresses[0]}{"\\n"}'

function slice (name: string, address: string): SliceObject {
  return {
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': 'users' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'http', port: 3000, protocol: 'TCP' }]
  }
}

// What the scripted API server says is held to what another client of the API makes of it.
t.test('kubectl lists and watches the scripted API server', { skip }, async t => {
  const api = await startKubernetesApi()
  t.teardown(() => api.close())
  // kubectl asks for pages of 500.
  for (let n = 0; n < 600; n++) api.apply(slice(`users-${n}`, `10.0.${n >> 8}.${n & 255}`))
  const home = t.testdir({})
  const kubectl = spawn('kubectl', [
    '--server', `http://127.0.0.1:${api.port}`, '--cache-dir', home, 'get', 'endpointslices', '--namespace', 'shop',
    '--selector', 'kubernetes.io/service-name=users', '--watch', '--output-watch-events', '--output', TEMPLATE
  ], { env: { ...process.env, HOME: home, KUBECONFIG: '/nonexistent' }, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const reader = createInterface(kubectl.stdout)
  reader.on('line', line => { lines.push(line) })
  const read = async (count: number): Promise<void> => { while (lines.length < count) await once(reader, 'line') }
  await read(2)
  const pages = lines.map(line => line.split(' ').filter(word => word.startsWith('users-')))
  t.same(pages.map(({ length }) => length), [500, 100])
  t.equal(new Set(pages.flat()).size, 600)
  await api.watched()
  lines.length = 0
  api.apply(slice('users-600', '10.1.0.1'))
  api.bookmark()
  api.apply(slice('users-0', '10.1.0.2'))
  api.remove('shop', 'users-600')
  await read(4)
  t.match(lines, ['ADDED users-600 10.1.0.1', /^BOOKMARK/, 'MODIFIED users-0 10.1.0.2', 'DELETED users-600 10.1.0.1'])
  const exited = once(kubectl, 'exit')
  kubectl.kill()
  await exited
})
