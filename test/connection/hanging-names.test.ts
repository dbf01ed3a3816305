import dns from 'node:dns'
import { isIP } from 'node:net'
import t from 'tap'
import type { ConnectOptions } from '../../src/index.js'
import { backendFor } from '../../testing/gateway.js'
import { rigFor } from './setup.js'

/** Look-ups of names that end with .hangs get no answer, as from a dead name server. Returns the names that were asked in a thread. */
const { lookup } = dns
const asked: string[] = []
dns.lookup = ((name: string, ...rest: unknown[]): void => {
  // A server that starts to listen looks up its address too.
  if (isIP(name) === 0) asked.push(name)
  if (!name.endsWith('.hangs')) Reflect.apply(lookup, dns, [name, ...rest])
}) as typeof dns.lookup
t.teardown(() => { dns.lookup = lookup })

t.test('dials of one name share its look-up, and names are asked for at each dial', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply())
  const rig = rigFor(t, `http://localhost:${backend.port}`, { pool: { maxRequestsPerConnection: 1 } })
  for (const { over } of [rig.send(), rig.send(), rig.send()]) t.match(await over, { status: 200 })
  t.same(asked, ['localhost'])
  t.match(await rig.send().over, { status: 200 })
  t.same(asked, ['localhost', 'localhost'])
})

t.test('a user\'s lookup function replaces ours', async t => {
  asked.length = 0
  const backend = await backendFor(t, (_request, connection) => connection.reply())
  const own: string[] = []
  const connect: ConnectOptions = {
    lookup: (name, options, callback) => {
      own.push(name)
      if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
      else callback(null, '127.0.0.1', 4)
    }
  }
  const rig = rigFor(t, `http://users.hangs:${backend.port}`, { undiciOptions: { connect } })
  t.match(await rig.send().over, { status: 200 })
  t.same([own, asked], [['users.hangs'], []])
})

t.test('with five names that never resolve, backends with other names and with addresses stay reachable', async t => {
  asked.length = 0
  const backend = await backendFor(t, (_request, connection) => connection.reply())
  const hanging = ['a', 'b', 'c', 'd', 'e'].map(name => rigFor(t, `http://${name}.hangs:${backend.port}`, { undiciOptions: { connect: { timeout: 60_000 } } }))
  const lost = hanging.map(rig => rig.send())
  t.same(asked, ['a.hangs', 'b.hangs'], 'they take two threads of four')
  for (const host of ['localhost', '127.0.0.1', 'localhost']) {
    const rig = rigFor(t, `http://${host}:${backend.port}`)
    t.match(await rig.send().over, { status: 200 }, host)
  }
  t.same(lost.map(({ finals }) => finals), [0, 0, 0, 0, 0])
  t.same(asked, ['a.hangs', 'b.hangs'], 'the rest was found, or is waited for, without a thread')
})
