import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Fastify from 'fastify'
import type { FastifyReply } from 'fastify'
import type { Connection } from '../../src/connection/connection.js'
import type * as RequestLog from '../../src/forward/request-log.js'
import type * as ProxyStatus from '../../src/http/proxy-status.js'
import type * as Provenance from '../../src/target/provenance.js'
import { quick } from '../instruments/bounds.js'
import { compile } from '../instruments/compiled.js'
import { printTable } from '../instruments/table.js'

// What it costs a request to note its provenance, and to log or send it. Loops over the compiled code, in turns. The least of the rounds is
// the one that other work of the machine disturbed least.

const ROUNDS = quick ? 5 : 15
const REQUESTS = quick ? 100_000 : 400_000

const source = dirname(compile())
const load = async <T>(file: string): Promise<T> => await import(pathToFileURL(join(source, file)).href) as T
const { ProvenanceRecord, provenanceWords } = await load<typeof Provenance>('target/provenance.js')
const { logProvenance } = await load<typeof RequestLog>('forward/request-log.js')
const { withProxyStatus } = await load<typeof ProxyStatus>('http/proxy-status.js')

const connection = { id: 7, served: 41, acquiredAt: 1_000.5, idleSince: 200.25 } as Connection
const target = { name: 'http://users.internal:3000', persistence: 'persistent' } as const
const line = { res: { statusCode: 200 }, responseTime: 1.5 }

function recorded (): Provenance.ProvenanceRecord {
  const record = new ProvenanceRecord()
  record.begun(connection, true, 'persistent', undefined)
  return record
}

function requestLogger (level: string): FastifyReply['log'] {
  return Fastify({ logger: { level, stream: { write () {} } } }).log.child({ reqId: 'req-1' })
}

const request = { server: { initialConfig: { disableRequestLogging: false } } }
const record = recorded()
const of = { get provenance () { return record.read(target.name, target.persistence, undefined) } }
const info = requestLogger('info')
const warn = requestLogger('warn')
// Keeps the results, so that V8 cannot optimise the loop away.
let kept: unknown

const loops = {
  'noted by the call': () => { kept = recorded() },
  'asked whether anybody reads it (level warn)': () => logProvenance({ log: warn, request } as unknown as FastifyReply, 'info', of),
  'a log line without it': () => info.info(line, 'request completed'),
  'a log line with it': () => {
    const reply = { log: info, request } as unknown as FastifyReply
    logProvenance(reply, 'info', of)
    reply.log.info(line, 'request completed')
  },
  'Proxy-Status': () => { kept = withProxyStatus(undefined, { receivedStatus: 200, details: provenanceWords(of.provenance) }) }
}
type Name = keyof typeof loops
const names = Object.keys(loops) as Name[]
const nanoseconds = Object.fromEntries(names.map(name => [name, []])) as unknown as Record<Name, number[]>

for (const name of names) time(name)
for (let n = 0; n < ROUNDS; n++) for (const name of names) nanoseconds[name].push(time(name))

printTable(`ns per request; ${ROUNDS} rounds of ${REQUESTS} requests`, names.map(name => {
  const sorted = nanoseconds[name].sort((a, b) => a - b)
  return { what: name, least: Math.round(sorted[0]!), median: Math.round(sorted[Math.floor(ROUNDS / 2)]!) }
}))
console.log(`\non a log line: ${Math.round(nanoseconds['a log line with it'][0]! - nanoseconds['a log line without it'][0]!)} ns more`)
if (kept === undefined) throw new Error('nothing was measured')

function time (name: Name): number {
  const loop = loops[name]
  const began = process.hrtime.bigint()
  for (let i = 0; i < REQUESTS; i++) loop()
  return Number(process.hrtime.bigint() - began) / REQUESTS
}
