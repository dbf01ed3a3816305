import t from 'tap'
import { endpointsOfSlices, type WantedPort } from '../../src/discovery/kubernetes/slice-endpoints.js'
import { readSlice } from '../../src/discovery/kubernetes/slice.js'
import type { Found } from '../../src/discovery/source.js'

const HTTP = [{ name: 'http', port: 3000, protocol: 'TCP' }]

interface Written { readonly type?: string, readonly endpoints: readonly object[], readonly ports?: readonly object[] | null }

function found (slices: readonly Written[], port: WantedPort | null = 'http', families: (4 | 6)[] = [4, 6]): Found[] {
  const read = slices.map(({ type = 'IPv4', endpoints, ports = HTTP }, index) =>
    readSlice({ metadata: { name: `users-${index}` }, addressType: type, endpoints, ports })!)
  return endpointsOfSlices(read, port ?? undefined, families)
}

const hosts = (slices: readonly Written[]): string[] => found(slices).map(({ host }) => host)
const pod = (address: string, conditions: object = {}, more: object = {}): object => ({ addresses: [address], conditions, ...more })

t.test('conditions decide: what is not said is ready, serves as it is ready, and stays', async t => {
  const states: [conditions: object | null | undefined, state: 'up' | 'leaving' | 'absent'][] = [
    [undefined, 'up'], [null, 'up'], [{}, 'up'], [{ ready: true }, 'up'], [{ ready: null, serving: null, terminating: null }, 'up'],
    [{ ready: false }, 'absent'], [{ ready: false, serving: true }, 'up'], [{ ready: true, serving: false }, 'absent'],
    [{ ready: false, serving: true, terminating: true }, 'leaving'], [{ ready: false, serving: false, terminating: true }, 'absent'],
    [{ ready: true, terminating: true }, 'leaving'], [{ ready: false, terminating: true }, 'absent'], [{ ready: 'yes' }, 'absent']
  ]
  for (const [conditions, state] of states) {
    const [one] = found([{ endpoints: [{ addresses: ['10.0.0.1'], conditions }] }])
    t.equal(one === undefined ? 'absent' : one.leaving ? 'leaving' : 'up', state, JSON.stringify(conditions))
  }
})

t.test('what is in two slices is one endpoint, and leaves only if both say so', async t => {
  const leaving = pod('10.0.0.1', { serving: true, terminating: true })
  t.same(found([{ endpoints: [leaving] }, { endpoints: [pod('10.0.0.1')] }]).map(({ leaving }) => leaving), [false])
  t.same(found([{ endpoints: [pod('10.0.0.1')] }, { endpoints: [leaving] }]).map(({ leaving }) => leaving), [false])
  t.same(found([{ endpoints: [leaving] }, { endpoints: [leaving, pod('10.0.0.2')] }]).map(({ leaving }) => leaving), [true, false])
})

t.test('addresses of one pod are one endpoint, with that of the preferred family first', async t => {
  const slices = [
    { type: 'IPv6', endpoints: [pod('fd00::1', {}, { targetRef: { uid: 'u1' } }), pod('fd00::2', {}, { targetRef: { uid: 'u2' } })] },
    { type: 'IPv4', endpoints: [pod('10.0.0.1', {}, { targetRef: { uid: 'u1' } })] }
  ]
  t.match(
    found(slices), [{ id: 'u1:3000', host: '10.0.0.1', otherHosts: ['fd00::1'] }, { id: 'u2:3000', host: 'fd00::2', otherHosts: undefined }]
  )
  t.match(found(slices, 'http', [6, 4]), [{ host: 'fd00::1', otherHosts: ['10.0.0.1'] }, { host: 'fd00::2' }])
  t.match(found(slices, 'http', [4]), [{ host: '10.0.0.1', otherHosts: undefined }])
  t.equal(found(slices, 'http', [4]).length, 1, 'an address that cannot be reached is no endpoint')
  const two = { endpoints: [pod('10.0.0.1', {}, { targetRef: { uid: 'node' } }), pod('10.0.0.2', {}, { targetRef: { uid: 'node' } })] }
  t.match(
    found([two]),
    [{ id: 'node:3000', host: '10.0.0.1' }, { id: 'node:3000 10.0.0.2', host: '10.0.0.2' }],
    'two addresses of one family are two endpoints'
  )
})

t.test('a pod that has the address of an earlier one is another endpoint', async t => {
  const id = (uid: string): string | undefined => found([{ endpoints: [pod('10.0.0.1', {}, { targetRef: { uid } })] }])[0]?.id
  t.not(id('u1'), id('u2'))
})

t.test('a port is found by its name, by the number of the pods, or because it is the only one', async t => {
  const ports = [{ name: 'http', port: 3000 }, { name: 'metrics', port: 9090, appProtocol: 'https' }]
  const two = [{ endpoints: [pod('10.0.0.1')], ports }]
  const portOf = (slices: Written[], port: WantedPort | null): number | undefined => found(slices, port)[0]?.port
  t.equal(portOf(two, 'metrics'), 9090)
  t.equal(found(two, 'metrics')[0]?.appProtocol, 'https')
  t.equal(portOf(two, 3000), 3000)
  t.throws(() => portOf(two, null), { message: /have several ports \(http 3000, metrics 9090\); write the name of one/ })
  t.throws(
    () => portOf(two, 80),
    { message: /have no port 80, but http 3000, metrics 9090; a number is the port of the pods \(targetPort\), not that of the Service/ }
  )
  t.throws(() => portOf(two, 'web'), { message: /have no port web, but http 3000, metrics 9090; give one of these names/ })
  t.equal(portOf([{ endpoints: [pod('10.0.0.1')], ports: [{ name: '', port: 8080 }] }], null), 8080)
  t.equal(portOf([{ endpoints: [pod('10.0.0.1')], ports: [{ port: null }] }], 5), 5, 'a port without a number is all ports')
  t.equal(portOf([{ endpoints: [pod('10.0.0.1')], ports: null }], 5), 5, 'a headless Service may have none')
  t.throws(
    () => portOf([{ endpoints: [pod('10.0.0.1')], ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] }], 'dns'),
    { message: /have no port dns, but none/ }
  )
  const others = { endpoints: [pod('10.0.0.2')], ports: [{ name: 'http', port: 3001 }] }
  const numbers = found([{ endpoints: [pod('10.0.0.1')] }, others]).map(({ port }) => port)
  t.same(numbers, [3000, 3001], 'slices may have other numbers for one name')
  t.same(found([{ endpoints: [], ports: [] }], 'http'), [], 'without endpoints there is nothing to complain of')
})

t.test('zone, and the ReplicaSet of a pod, are told', async t => {
  const of = (name: string): string | undefined =>
    found([{ endpoints: [pod('10.0.0.1', {}, { targetRef: { kind: 'Pod', name, uid: 'u' } })] }])[0]?.group
  t.equal(of('users-5d4f8c7b9-x7k2p'), 'users-5d4f8c7b9')
  t.equal(of('users-0'), undefined, 'a StatefulSet has no versions in its names')
  t.equal(of('node-exporter-x7k2p'), undefined, 'nor has a DaemonSet')
  t.equal(found([{ endpoints: [pod('10.0.0.1', {}, { zone: 'eu-1a' })] }])[0]?.zone, 'eu-1a')
})

t.test('a slice may have names, which each dial resolves', async t => {
  t.same(hosts([{ type: 'FQDN', endpoints: [pod('users.example')] }]), ['users.example'])
})

t.test('what makes no sense is left out', async t => {
  t.equal(readSlice({ metadata: {}, addressType: 'IPv4' }), undefined)
  t.equal(readSlice({ metadata: { name: 'x' }, addressType: 'IPX' }), undefined)
  t.equal(readSlice(null), undefined)
  t.same(readSlice({ metadata: { name: 'x' }, addressType: 'IPv4', endpoints: null, ports: null }), { name: 'x', endpoints: [], ports: [] })
  t.same(
    hosts([{ endpoints: [pod('fd00::1'), pod('x'), { addresses: [] }, { addresses: null }, { addresses: [7] }, {}, pod('10.0.0.1')] }]),
    ['10.0.0.1']
  )
  t.same(
    readSlice({ metadata: { name: 'x' }, addressType: 'IPv4', ports: [{ port: 0 }, { port: 'a' }, 7, { name: 'b', port: 65_536 }] })?.ports,
    []
  )
})
