import t, { type Test } from 'tap'
import { NameServers } from '../../src/discovery/name-servers.js'
import { srvSource } from '../../src/discovery/srv-source.js'
import { weightsOf } from '../../src/discovery/srv-weights.js'
import { startDnsServer, type DnsServer } from '../../testing/dns-server.js'
import { GivenTime } from '../../testing/given-time.js'
import { listenTo, type SourceEvents } from '../../testing/source-events.js'

const NAME = '_http._tcp.users'

async function rig (t: Test, prepare: (server: DnsServer) => void): Promise<{ server: DnsServer, time: GivenTime, events: SourceEvents }> {
  const server = await startDnsServer()
  t.teardown(() => server.close())
  prepare(server)
  const time = new GivenTime()
  const servers = new NameServers([server.address], { hosts: '/nonexistent', resolvConf: '/nonexistent' })
  const source = srvSource(NAME, { servers, refresh: 5_000, timing: time, families: () => [4, 6] })
  t.teardown(() => source.stop())
  return { server, time, events: listenTo(source) }
}

t.test('each address of each target is an endpoint, with port, priority and its part of the weight', async t => {
  const { events, time } = await rig(t, server => {
    server.set(NAME, 'SRV', ['0 10 8080 a.users', '0 30 8081 b.users', '1 0 8080 c.users'])
    server.set('a.users', 'A', ['10.0.0.1'], 60)
    server.set('b.users', 'A', ['10.0.0.2', '10.0.0.3'], 3)
    server.set('c.users', 'AAAA', ['fd00::4'], 60)
  })
  await events.next()
  const sorted = events.answers[0]!.found.toSorted((a, b) => a.id < b.id ? -1 : 1)
  t.same(sorted, [
    { id: '10.0.0.1:8080', host: '10.0.0.1', port: 8080, weight: 10, priority: 0, leaving: false },
    { id: '10.0.0.2:8081', host: '10.0.0.2', port: 8081, weight: 15, priority: 0, leaving: false },
    { id: '10.0.0.3:8081', host: '10.0.0.3', port: 8081, weight: 15, priority: 0, leaving: false },
    { id: '[fd00::4]:8080', host: 'fd00::4', port: 8080, weight: 1, priority: 1, leaving: false }
  ])
  t.equal(events.answers[0]!.absence, 'held')
  t.equal(time.next, 3_000, 'the shortest TTL of the targets\' addresses counts: SRV records come without theirs')
})

t.test('a target that cannot be resolved keeps its addresses, and others are followed', async t => {
  const { events, server, time } = await rig(t, server => {
    server.set(NAME, 'SRV', ['0 1 80 a.users', '0 1 80 b.users'])
    server.set('a.users', 'A', ['10.0.0.1'])
    server.set('b.users', 'A', ['10.0.0.2'])
  })
  const sorted = async (): Promise<string> => (await events.next()).split(' ').sort().join(' ')
  t.equal(await sorted(), '10.0.0.1 10.0.0.2')
  server.script('a.users', 'A', { code: 'SERVFAIL', records: [] })
  server.script('a.users', 'AAAA', { code: 'SERVFAIL', records: [] })
  server.set('b.users', 'A', ['10.0.0.9'])
  time.pass(5_000)
  await events.next()
  t.same(events.answers[1]!.found.map(({ host }) => host), ['10.0.0.1', '10.0.0.9'])
  t.match(events.answers[1]!.fault?.message, /^a\.users: the name server failed/)
  server.set('a.users', 'A', [])
  server.script('a.users', 'A', undefined)
  server.script('a.users', 'AAAA', undefined)
  time.pass(5_000)
  await events.next()
  t.same(events.answers[2]!.found.map(({ host }) => host), ['10.0.0.1', '10.0.0.9'], 'nor does NXDOMAIN of one target remove it')
  server.set(NAME, 'SRV', ['0 1 80 b.users'])
  time.pass(5_000)
  t.equal(await events.next(), '10.0.0.9', 'a record that is gone is missing')
})

t.test('the target "." says that there is no service, which is a failure', async t => {
  const { events, server, time } = await rig(t, server => server.set(NAME, 'SRV', ['0 0 0 .']))
  t.match(await events.next(), /^failed: _http\._tcp\.users: its SRV record says that the service is not offered/)
  server.script(NAME, 'SRV', { code: 'NXDOMAIN', records: [] })
  time.pass(1_000)
  t.equal(await events.next(), 'failed: _http._tcp.users: has no SRV record any more; the last ones are kept')
  server.script(NAME, 'SRV', { code: 'NOERROR', records: [{ name: NAME, type: 'SRV', data: '0 0 80 nowhere.users', ttl: 60 }] })
  time.pass(2_000)
  t.match(await events.next(), /^failed: _http\._tcp\.users: no target has an address; nowhere\.users: no A or AAAA record/)
})

t.test('an address of two records is one endpoint: of the better priority, with the weights of both there', async t => {
  const { events } = await rig(t, server => {
    server.set(NAME, 'SRV', ['0 10 80 a.users', '0 20 80 b.users', '1 5 80 c.users', '1 7 81 c.users'])
    for (const name of ['a.users', 'b.users', 'c.users']) server.set(name, 'A', ['10.0.0.1'])
  })
  await events.next()
  t.same(
    events.answers[0]!.found.map(({ id, weight, priority }) => [id, weight, priority]), [['10.0.0.1:80', 30, 0], ['10.0.0.1:81', 7, 1]]
  )
})

t.test('180 records, truncated over UDP, are 180 endpoints', async t => {
  const { events } = await rig(t, server => {
    server.set(NAME, 'SRV', Array.from({ length: 180 }, (_, n) => `0 1 80 n${n}.users`))
    server.script(NAME, 'SRV', { truncated: true })
    for (let n = 0; n < 180; n++) server.set(`n${n}.users`, 'A', [`10.0.0.${n}`])
  })
  await events.next()
  t.equal(events.answers[0]?.found.length, 180)
  t.equal(events.answers[0]?.fault, undefined)
})

t.test('weights of 0 are equal among themselves, and very small beside others', async t => {
  t.same(weightsOf([{ priority: 0, weight: 0 }, { priority: 0, weight: 0 }]), [1, 1])
  t.same(
    weightsOf([{ priority: 0, weight: 0 }, { priority: 0, weight: 10 }, { priority: 0, weight: 5 }, { priority: 1, weight: 0 }]),
    [0.05, 10, 5, 1]
  )
})
