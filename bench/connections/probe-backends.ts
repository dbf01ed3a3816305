import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Measurements, Reuse } from '../../src/probe/measurements.js'
import { measure } from '../../src/probe/probe.js'
import { type ProbeReport, reportOf } from '../../src/probe/report.js'
import { isInstalled, type KnownServer, knownServers, versionOf } from '../../testing/real-servers.js'
import { Bounds } from '../instruments/bounds.js'
import { printTable } from '../instruments/table.js'

// What well-known servers say of their connections, and what they do: runs `holdfast probe` over all of them side by side, since a probe
// mostly waits. Writes docs/backends.md.

const MAX_WAIT = 65_000
// The time between the starts of two probes, in ms, since each sends its requests first.
const APART = 500
// The allowed error of an idle timeout, in ms: all servers and probes share this machine.
const ACCURACY = 300
const PAGE = join(import.meta.dirname, '../..', 'docs', 'backends.md')

interface Probed { readonly server: KnownServer, readonly found: Measurements, readonly report: ProbeReport }

const bounds = new Bounds()
const here = knownServers.filter(({ command }) => isInstalled(command))
for (const { name } of knownServers.filter((server) => !here.includes(server))) console.log(`skipped, it is not installed: ${name}`)
console.log(`${here.length} servers, for about ${MAX_WAIT / 1000 + 10} s`)
const probed = await Promise.all(here.map(probeOne))

printTable('what they say, and what they do', probed.map((one) => ({ server: one.server.name, ...columnsOf(one) })))
for (const { server, report } of probed) {
  bounds.hold(`${server.name}: persistence`, report.persistent === (server.idleMs !== undefined), `${report.persistent}`)
  bounds.hold(`${server.name}: idle timeout within ${ACCURACY} ms`, isNear(report.idleTimeoutMs, server), `${report.idleTimeoutMs}`)
  bounds.hold(`${server.name}: requests a connection`, report.requestsPerConnection === (server.idleMs === undefined ? 1 : server.requests ?? null), `${report.requestsPerConnection}`)
}
bounds.report()
// With servers missing, the page would lose rows.
if (here.length === knownServers.length) await writeFile(PAGE, page(probed))
else console.log('docs/backends.md is left as it is')

async function probeOne (server: KnownServer, n: number): Promise<Probed> {
  await wait(n * APART)
  const running = await server.start()
  try {
    const found = await measure(new URL('/d0', running.url), { maxWait: MAX_WAIT, post: '/d0' })
    return { server, found, report: reportOf(found) }
  } finally {
    await running.stop()
  }
}

function isNear (measured: number | null, { idleMs = Infinity }: KnownServer): boolean {
  return idleMs > MAX_WAIT ? measured === null : measured !== null && Math.abs(measured - idleMs) <= ACCURACY
}

function columnsOf ({ found, report }: Probed): Record<string, string> {
  const { persistent, httpVersion, requestsPerConnection } = report
  return {
    HTTP: httpVersion ?? '',
    says: sayingOf(found.firsts[0]!),
    keeps: persistent === true ? 'yes' : 'no',
    'idle close': persistent === true ? idleClose(found) : '-',
    'closes by': report.closesBy ?? '-',
    'requests a connection': requestsPerConnection === null ? `no limit in ${found.requests?.tried}` : `${requestsPerConnection}${found.requests?.announced === true ? ', announced' : ''}`,
    'after HEAD': afterwards(found.head),
    'after POST': afterwards(found.post)
  }
}

function sayingOf ({ answer: { connection, keepAlive } }: Reuse): string {
  return [connection !== undefined && `Connection: ${connection}`, keepAlive !== undefined && `Keep-Alive: ${keepAlive}`].filter(Boolean).join(', ') || 'nothing'
}

// To a tenth of a second: finer figures differ from run to run.
function idleClose ({ idle }: Measurements): string {
  const times = idle?.closes.map(({ ms }) => (ms / 1000).toFixed(1)) ?? []
  if (times.length === 0) return `> ${MAX_WAIT / 1000} s`
  const [smallest, largest] = [times.reduce((a, b) => +a < +b ? a : b), times.reduce((a, b) => +a > +b ? a : b)]
  return smallest === largest ? `${smallest} s` : `${smallest} to ${largest} s`
}

function afterwards (reuse: Reuse | undefined): string {
  if (reuse === undefined) return '-'
  const error = reuse.answer.status >= 400 ? ` (${reuse.answer.status})` : ''
  return `${reuse.closed === undefined ? 'kept' : `closed, ${reuse.closed}`}${error}`
}

function page (probed: readonly Probed[]): string {
  const rows = probed.map((one) => ({ server: one.server.name, version: versionOf(one.server), ...columnsOf(one), recommended: recommendation(one.report) }))
  const columns = Object.keys(rows[0]!)
  return [
    '# What backends say of their connections, and what they do', '',
    'Made by `npm run backends`. It starts each of these servers with its default settings, except for those named, and measures it as',
    `\`holdfast probe --post-path /d0 --max-wait ${MAX_WAIT / 1000}s\` does: 16 idle connections each, and up to 1100 requests on one. Idle times are the shortest and`,
    'the longest seen. `-`: the server keeps no connections, so there is nothing to measure.', '',
    `| ${columns.join(' | ')} |`,
    `|${'---|'.repeat(columns.length)}`,
    ...rows.map((row) => `| ${Object.values(row).join(' | ')} |`), '',
    '## Where they do not do what they say', '',
    'A server that keeps connections for longer than it says does no harm. A server that closes them earlier fails requests.', '',
    ...probed.filter(({ report }) => report.lies.length > 0).flatMap(({ server, report }) => [`- ${server.name}`, ...report.lies.map((lie) => `  - ${steady(lie)}`)]), ''
  ].join('\n')
}

function recommendation ({ recommended: { undiciOptions, pool, ...ofRoute } }: ProbeReport): string {
  const options = Object.entries({ ...undiciOptions, ...pool, ...ofRoute }).map(([name, value]) => `\`${name}: ${value}\``)
  return options.join(', ') || 'nothing to set'
}

// The same names as in the table.
function steady (lie: string): string {
  return lie.replace(/(\d+\.\d\d) s/g, (_, seconds: string) => `${Number(seconds).toFixed(1)} s`)
}
