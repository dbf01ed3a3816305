import t from 'tap'
import { probe } from '../../src/probe/probe.js'
import { isInstalled, type KnownServer, knownServers } from '../../testing/real-servers.js'

const MAX_WAIT = 8_000
// All servers share this machine with the probes.
const ACCURACY = 300

const wanted = process.env['HOLDFAST_REAL'] === '1'

const here = wanted ? knownServers.filter(({ command }) => isInstalled(command)) : []
// All servers start before the first probe, since a start takes most CPU.
const started = Promise.allSettled(here.map((server) => server.start()))

// All at once, since a probe mostly waits.
t.jobs = knownServers.length

for (const server of knownServers) {
  const skip = !wanted ? 'HOLDFAST_REAL=1 runs it' : !here.includes(server) && `${server.command} is not installed`
  t.test(`${server.name}: what a probe measures is what it does`, { skip, buffered: true }, async t => {
    const start = (await started)[here.indexOf(server)]!
    if (start.status === 'rejected') throw start.reason
    t.teardown(() => start.value.stop())
    const { persistent, idleTimeoutMs, requestsPerConnection } = await probe(new URL('/d0', start.value.url), { maxWait: MAX_WAIT })
    t.equal(persistent, server.idleMs !== undefined)
    t.ok(isNear(idleTimeoutMs, server), `${idleTimeoutMs} ms`)
    t.equal(requestsPerConnection, persistent === false ? 1 : server.requests ?? null)
  })
}

function isNear (measured: number | null, { idleMs = Infinity }: KnownServer): boolean {
  return idleMs > MAX_WAIT ? measured === null : measured !== null && Math.abs(measured - idleMs) <= ACCURACY
}
