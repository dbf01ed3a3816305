import t from 'tap'
import { dnsSource } from '../../src/discovery/dns-source.js'
import { NameServers } from '../../src/discovery/name-servers.js'
import { srvSource } from '../../src/discovery/srv-source.js'
import { GivenTime } from '../../testing/given-time.js'
import { isInstalled } from '../../testing/real-servers.js'
import { listenTo } from '../../testing/source-events.js'
import { startUnbound } from '../../testing/unbound.js'

const skip = process.env['HOLDFAST_REAL'] !== '1' ? 'HOLDFAST_REAL=1 runs it' : !isInstalled('unbound') && 'unbound is not installed'

t.test('names of unbound are followed while its records change', { skip }, async t => {
  const unbound = await startUnbound()
  t.teardown(() => unbound.stop())
  const time = new GivenTime()
  const servers = new NameServers([unbound.address], { hosts: '/nonexistent', resolvConf: '/nonexistent' })
  const setting = { servers, refresh: 5_000, timing: time, families: () => [4, 6] as const }

  unbound.add('users.test. 2 IN A 10.0.0.1')
  unbound.add('users.test. 60 IN AAAA fd00::1')
  const users = dnsSource('users.test', 80, setting)
  t.teardown(() => users.stop())
  const events = listenTo(users)
  t.equal(await events.next(), '10.0.0.1 fd00::1')
  t.equal(time.next, 2_000)
  unbound.remove('users.test.')
  unbound.add('users.test. 2 IN A 10.0.0.2')
  time.pass(2_000)
  t.equal(await events.next(), '10.0.0.2')
  unbound.remove('users.test.')
  time.pass(2_000)
  t.equal(await events.next(), 'failed: users.test: has no address any more; the last ones are kept')
  users.stop()

  unbound.add('_http._tcp.test. 60 IN SRV 0 5 8080 many.test.')
  unbound.add('_http._tcp.test. 60 IN SRV 1 0 8081 spare.test.')
  unbound.add('spare.test. 60 IN A 10.0.0.9')
  // Too many for an answer over UDP.
  for (let n = 0; n < 120; n++) unbound.add(`many.test. 60 IN A 10.1.0.${n}`)
  const service = srvSource('_http._tcp.test', setting)
  t.teardown(() => service.stop())
  const found = listenTo(service)
  await found.next()
  const priorities = found.answers[0]!.found.map(({ priority }) => priority)
  t.same([priorities.filter(one => one === 0).length, priorities.filter(one => one === 1).length], [120, 1])
})
