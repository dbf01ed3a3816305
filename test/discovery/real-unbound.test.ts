import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { dnsSource } from '../../src/discovery/dns-source.js'
import { NameServers } from '../../src/discovery/name-servers.js'
import { srvSource } from '../../src/discovery/srv-source.js'
import { GivenTime } from '../../testing/given-time.js'
import { freePort } from '../../testing/real-nginx.js'
import { isInstalled } from '../../testing/real-servers.js'
import { listenTo } from '../../testing/source-events.js'

const skip = process.env['HOLDFAST_REAL'] !== '1' ? 'HOLDFAST_REAL=1 runs it' : !isInstalled('unbound') && 'unbound is not installed'

t.test('names of unbound are followed while its records change', { skip }, async t => {
  // The path of a socket is short.
  const directory = mkdtempSync(join(tmpdir(), 'unbound-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const port = await freePort()
  const file = join(directory, 'unbound.conf')
  writeFileSync(file, `
server:
  interface: 127.0.0.1
  port: ${port}
  do-daemonize: no
  use-syslog: no
  logfile: ""
  verbosity: 1
  username: ""
  chroot: ""
  directory: "${directory}"
  pidfile: "${directory}/pid"
  trust-anchor-file: ""
  module-config: "iterator"
  local-zone: "test." static
remote-control:
  control-enable: yes
  control-use-cert: no
  control-interface: ${directory}/control
`)
  const unbound = spawn('unbound', ['-d', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(async () => {
    if (unbound.exitCode !== null) return
    const exited = once(unbound, 'exit')
    unbound.kill()
    await exited
  })
  await new Promise<void>((resolve, reject) => {
    const log: string[] = []
    createInterface(unbound.stderr).on('line', line => {
      log.push(line)
      if (line.includes('start of service')) resolve()
    })
    unbound.once('error', reject)
    unbound.once('exit', () => reject(new Error(log.join('\n'))))
  })
  const control = (...args: string[]): void => { execFileSync('unbound-control', ['-c', file, ...args], { stdio: 'ignore' }) }
  const time = new GivenTime()
  const servers = new NameServers([`127.0.0.1:${port}`], { hosts: '/nonexistent', resolvConf: '/nonexistent' })
  const setting = { servers, refresh: 5_000, timing: time, families: () => [4, 6] as const }

  control('local_data', 'users.test. 2 IN A 10.0.0.1')
  control('local_data', 'users.test. 60 IN AAAA fd00::1')
  const users = dnsSource('users.test', 80, setting)
  t.teardown(() => users.stop())
  const events = listenTo(users)
  t.equal(await events.next(), '10.0.0.1 fd00::1')
  t.equal(time.next, 2_000)
  control('local_data_remove', 'users.test.')
  control('local_data', 'users.test. 2 IN A 10.0.0.2')
  time.pass(2_000)
  t.equal(await events.next(), '10.0.0.2')
  control('local_data_remove', 'users.test.')
  time.pass(2_000)
  t.equal(await events.next(), 'failed: users.test: has no address any more; the last ones are kept')
  users.stop()

  control('local_data', '_http._tcp.test. 60 IN SRV 0 5 8080 many.test.')
  control('local_data', '_http._tcp.test. 60 IN SRV 1 0 8081 spare.test.')
  control('local_data', 'spare.test. 60 IN A 10.0.0.9')
  // Too many for an answer over UDP.
  for (let n = 0; n < 120; n++) control('local_data', `many.test. 60 IN A 10.1.0.${n}`)
  const service = srvSource('_http._tcp.test', setting)
  t.teardown(() => service.stop())
  const found = listenTo(service)
  await found.next()
  const priorities = found.answers[0]!.found.map(({ priority }) => priority)
  t.same([priorities.filter(one => one === 0).length, priorities.filter(one => one === 1).length], [120, 1])
})
