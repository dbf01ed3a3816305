import { Resolver } from 'node:dns/promises'
import { writeFileSync } from 'node:fs'
import type { LookupFunction } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { dnsSource, type DnsSetting } from '../../src/discovery/dns-source.js'
import { NameServers } from '../../src/discovery/name-servers.js'
import type { Source } from '../../src/discovery/source.js'
import { startDnsServer, type DnsServer } from '../../testing/dns-server.js'
import { GivenTime } from '../../testing/given-time.js'
import { listenTo, type SourceEvents } from '../../testing/source-events.js'

interface Setup {
  readonly hosts?: string
  readonly resolvConf?: string
  readonly setting?: Partial<DnsSetting>
  readonly name?: string
  /** Whether the name server is an own one. */
  readonly own?: boolean
  readonly timeout?: number
}

interface Rig { readonly server: DnsServer, readonly time: GivenTime, readonly events: SourceEvents, readonly source: Source }

const noLookup: LookupFunction = (name, _options, callback) => callback(new Error(`getaddrinfo was asked for ${name}`), [])

/** A source of a name, a scripted server, and a clock; nothing of this machine is asked. */
async function rig (t: Test, prepare: (server: DnsServer) => void, setup: Setup = {}): Promise<Rig> {
  const { hosts = '', resolvConf = '', setting, name = 'users', own = true, timeout = 5_000 } = setup
  const server = await startDnsServer()
  t.teardown(() => server.close())
  prepare(server)
  const files = { hosts: join(t.testdir({ hosts }), 'hosts'), resolvConf: join(t.testdirName, 'resolv.conf') }
  writeFileSync(files.resolvConf, resolvConf)
  const connect = (): Resolver => {
    const resolver = new Resolver({ timeout, tries: 1 })
    resolver.setServers([server.address])
    return resolver
  }
  const time = new GivenTime()
  const servers = new NameServers(own ? [server.address] : undefined, files, connect)
  const source = dnsSource(name, 3000, { servers, refresh: 5_000, timing: time, families: () => [4, 6], lookup: noLookup, ...setting })
  t.teardown(() => source.stop())
  return { server, time, source, events: listenTo(source) }
}

t.test('each A and AAAA record is an endpoint', async t => {
  const { events } = await rig(t, server => {
    server.set('users', 'A', ['10.0.0.1', '10.0.0.2'])
    server.set('users', 'AAAA', ['fd00::1'])
  })
  t.equal(await events.next(), '10.0.0.1 10.0.0.2 fd00::1')
  t.same(events.answers[0], {
    absence: 'held',
    found: [
      { id: '10.0.0.1:3000', host: '10.0.0.1', port: 3000, weight: 1, priority: 0, leaving: false },
      { id: '10.0.0.2:3000', host: '10.0.0.2', port: 3000, weight: 1, priority: 0, leaving: false },
      { id: '[fd00::1]:3000', host: 'fd00::1', port: 3000, weight: 1, priority: 0, leaving: false }
    ]
  })
})

t.test('a name is asked again when the shortest TTL of its records has passed', async t => {
  const { events, server, time } = await rig(t, server => {
    server.set('users', 'A', ['10.0.0.1'], 60)
    server.set('users', 'AAAA', ['fd00::1'], 2)
  })
  await events.next()
  t.equal(time.next, 2_000)
  server.set('users', 'A', ['10.0.0.9'], 60)
  server.set('users', 'AAAA', ['fd00::9'], 60)
  time.pass(1_999)
  t.equal(events.answers.length, 1)
  time.pass(1)
  t.equal(await events.next(), '10.0.0.9 fd00::9', 'no answer is kept by the resolver')
  t.equal(time.next, 5_000, 'refresh at the latest')
})

t.test('the TTL of a CNAME counts, and a TTL of 0 does not make a busy loop', async t => {
  const { events, time, server } = await rig(t, server => {
    server.set('users', 'CNAME', ['blue.users'], 3)
    server.set('blue.users', 'A', ['10.0.0.1'], 60)
  })
  t.equal(await events.next(), '10.0.0.1')
  t.equal(time.next, 3_000)
  server.set('users', 'CNAME', ['green.users'], 0)
  server.set('green.users', 'A', ['10.0.0.2'], 0)
  time.pass(3_000)
  t.equal(await events.next(), '10.0.0.2')
  t.equal(time.next, 1_000)
})

t.test('an answer that is truncated over UDP is asked for over TCP, and is whole', async t => {
  const all = Array.from({ length: 180 }, (_, n) => `10.0.0.${n}`)
  const { events, server } = await rig(t, server => {
    server.set('users', 'A', all)
    server.script('users', 'A', { truncated: true })
  })
  t.equal(await events.next(), all.join(' '))
  t.ok(server.asked.includes('A users tcp'))
})

t.test('NXDOMAIN, SERVFAIL, REFUSED and an empty answer are failures that say what happened', async t => {
  const { events, server, time } = await rig(t, server => server.set('users', 'A', ['10.0.0.1']))
  t.equal(await events.next(), '10.0.0.1')
  for (const [code, said] of [
    ['NXDOMAIN', 'failed: users: has no address any more; the last ones are kept'],
    ['SERVFAIL', 'failed: users: the name server failed (SERVFAIL)'],
    ['REFUSED', 'failed: users: the name server refused the question (REFUSED)'],
    ['NOERROR', 'failed: users: has no address any more; the last ones are kept']
  ] as const) {
    server.script('users', 'A', { code, records: [] })
    server.script('users', 'AAAA', { code, records: [] })
    time.pass(5_000)
    t.equal(await events.next(), said)
  }
  server.script('users', 'A', undefined)
  time.pass(5_000)
  t.equal(await events.next(), '10.0.0.1', 'and are over with the next answer')
})

t.test('a server that does not answer is a failure, and a question that takes too long is given up', async t => {
  const { events, server, time } = await rig(t, server => server.script('users', 'A', { silent: true }), { timeout: 100, own: false })
  t.equal(await events.next(), 'failed: users: no name server answered')
  t.equal(time.next, 1_000)
  const { events: others, time: otherTime } = await rig(t, server => server.script('users', 'A', { silent: true }))
  otherTime.pass(10_000)
  t.equal(await others.next(), 'failed: no answer in 10000 ms')
  server.script('users', 'A', undefined)
  server.set('users', 'A', ['10.0.0.1'])
  time.pass(1_000)
  t.equal(await events.next(), '10.0.0.1')
})

t.test('one question is under way at a time', async t => {
  const { events, server, source, time } = await rig(t, server => server.script('users', 'A', { silent: true }))
  await server.questions(2)
  source.refresh!()
  source.refresh!()
  time.pass(9_999)
  t.same(server.asked, ['A users udp', 'AAAA users udp'])
  time.pass(1)
  await events.next()
  server.script('users', 'A', { records: [{ name: 'users', type: 'A', data: '10.0.0.1', ttl: 60 }] })
  source.refresh!()
  time.pass(0)
  t.equal(await events.next(), '10.0.0.1', 'refresh asks at once')
  source.refresh!()
  t.equal(time.next, 1_000, 'but not more often than once a second')
})

t.test('a family that cannot be asked for keeps the addresses that it had', async t => {
  const { events, server, time } = await rig(t, server => {
    server.set('users', 'A', ['10.0.0.1'])
    server.set('users', 'AAAA', ['fd00::1'])
  })
  t.equal(await events.next(), '10.0.0.1 fd00::1')
  server.set('users', 'A', ['10.0.0.2'])
  server.script('users', 'AAAA', { code: 'SERVFAIL', records: [] })
  time.pass(5_000)
  t.equal(await events.next(), '10.0.0.2 fd00::1; users: the AAAA records could not be asked for: the name server failed (SERVFAIL)')
  server.script('users', 'AAAA', { code: 'NOERROR', records: [] })
  time.pass(5_000)
  t.equal(await events.next(), '10.0.0.2')
})

t.test('only families that this machine reaches are asked for', async t => {
  const { events, server } = await rig(t, server => {
    server.set('users', 'A', ['10.0.0.1'])
    server.set('users', 'AAAA', ['fd00::1'])
  }, { setting: { families: () => [6] } })
  t.equal(await events.next(), 'fd00::1')
  t.same(server.asked, ['AAAA users udp'])
})

t.test('stop ends a question that is under way, and what comes later is not told', async t => {
  const { events, server, source, time } = await rig(t, server => server.script('users', 'A', { silent: true }))
  await server.questions(2)
  source.stop()
  time.pass(60_000)
  await new Promise(resolve => setImmediate(resolve))
  t.same([events.answers.length, events.faults.length, time.timers], [0, 0, 0])
})

t.test('the hosts file comes first, and localhost is always known', async t => {
  const { events, server } = await rig(t, () => {}, { hosts: '10.0.0.7 other users # comment\n10.0.0.7 users\nFD00:0::7 Users\n' })
  t.equal(await events.next(), '10.0.0.7 fd00::7')
  t.same(server.asked, [])
  const { events: ofLocalhost } = await rig(t, () => {}, { name: 'localhost', setting: { families: () => [4] } })
  t.equal(await ofLocalhost.next(), '127.0.0.1 ::1')
})

t.test('names of the search list are found, in the order of resolv.conf', async t => {
  const cluster = 'search shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n'
  const prepare = (server: DnsServer): void => server.set('users.billing.svc.cluster.local', 'A', ['10.0.0.1'])
  const { events, server } = await rig(t, prepare, { name: 'users.billing', resolvConf: cluster })
  t.equal(await events.next(), '10.0.0.1')
  t.same(
    server.asked.filter(asked => asked.startsWith('A ')),
    ['A users.billing.shop.svc.cluster.local udp', 'A users.billing.svc.cluster.local udp']
  )
})

t.test('no candidate behind the one that has answered is asked: it may be another backend', async t => {
  const { events, server, time } = await rig(t, server => {
    server.set('users.shop', 'A', ['10.0.0.1'])
    server.set('users.example', 'A', ['192.0.2.1'])
  }, { resolvConf: 'search zone shop example' })
  t.equal(await events.next(), '10.0.0.1')
  const fail = (name: string, code: 'SERVFAIL' | 'REFUSED' | 'NXDOMAIN'): void => {
    for (const type of ['A', 'AAAA'] as const) server.script(name, type, { code, records: [] })
    time.pass(5_000)
  }
  fail('users.shop', 'NXDOMAIN')
  t.equal(await events.next(), 'failed: users.shop: has no address any more; the last ones are kept')
  fail('users.shop', 'SERVFAIL')
  t.equal(await events.next(), 'failed: users.shop: the name server failed (SERVFAIL)')
  for (const type of ['A', 'AAAA'] as const) server.script('users.shop', type, undefined)
  fail('users.zone', 'REFUSED')
  t.equal(await events.next(), '10.0.0.1', 'one before it that fails does not matter')
  for (const type of ['A', 'AAAA'] as const) server.script('users.zone', type, undefined)
  server.set('users.zone', 'A', ['10.0.0.2'])
  time.pass(5_000)
  t.equal(await events.next(), '10.0.0.2', 'one before it that answers comes first, as it does for any other program')
})

t.test('until a candidate has answered, one that fails is passed over after SERVFAIL alone', async t => {
  const prepare = (code: 'SERVFAIL' | 'REFUSED') => (server: DnsServer): void => {
    for (const type of ['A', 'AAAA'] as const) server.script('users.corp', type, { code, records: [] })
    server.set('users', 'A', ['10.0.0.1'])
  }
  const { events } = await rig(t, prepare('SERVFAIL'), { resolvConf: 'search corp' })
  t.equal(await events.next(), '10.0.0.1')
  const { events: refused } = await rig(t, prepare('REFUSED'), { resolvConf: 'search corp' })
  t.equal(await refused.next(), 'failed: users.corp: the name server refused the question (REFUSED)')
  const { events: nowhere } = await rig(t, server => {
    prepare('SERVFAIL')(server)
    server.set('users', 'A', [])
  }, { resolvConf: 'search corp' })
  t.equal(await nowhere.next(), 'failed: users.corp: the name server failed (SERVFAIL)', 'which is told if no other one answers')
})

t.test('a resolv.conf that is written anew counts from the next question on', async t => {
  const other = await startDnsServer()
  t.teardown(() => other.close())
  other.set('users.new', 'A', ['10.0.0.2'])
  const first = await startDnsServer()
  t.teardown(() => first.close())
  first.set('users.old', 'A', ['10.0.0.1'])
  const resolvConf = join(t.testdir({ 'resolv.conf': 'search old\n' }), 'resolv.conf')
  const connections = [first, other]
  const connect = (): Resolver => {
    const resolver = new Resolver()
    resolver.setServers([connections.shift()!.address])
    return resolver
  }
  const time = new GivenTime()
  const servers = new NameServers(undefined, { hosts: '/nonexistent', resolvConf }, connect)
  const source = dnsSource('users', undefined, { servers, refresh: 5_000, timing: time, families: () => [4], lookup: noLookup })
  t.teardown(() => source.stop())
  const events = listenTo(source)
  t.equal(await events.next(), '10.0.0.1')
  time.pass(5_000)
  t.equal(await events.next(), '10.0.0.1')
  writeFileSync(resolvConf, 'search new\n')
  time.pass(5_000)
  t.equal(await events.next(), '10.0.0.2')
})

t.test('a name that neither the hosts file nor DNS has is asked of getaddrinfo, unless the name servers are own ones', async t => {
  const known = [{ address: '10.0.0.5', family: 4 }, { address: 'fd00::5', family: 6 }]
  const lookup: LookupFunction = (_name, _options, callback) => callback(null, known)
  const { events, time } = await rig(t, () => {}, { own: false, name: 'printer.local', setting: { lookup, families: () => [4] } })
  t.equal(await events.next(), '10.0.0.5')
  t.equal(time.next, 5_000)
  const { events: own } = await rig(t, () => {}, { name: 'printer.local', setting: { lookup } })
  t.equal(await own.next(), 'failed: printer.local: no A or AAAA record')
})
