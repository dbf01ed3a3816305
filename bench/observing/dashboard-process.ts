import Fastify from 'fastify'
import { pathToFileURL } from 'node:url'
import type * as Holdfast from '../../src/index.js'

// The child process of dashboard.ts: a gateway with many targets and an admin surface. Arguments: the compiled package, the upstream, the
// number of targets, and further targets as a `Spread`.

export interface DashboardAnswers {
  /** The process's CPU time so far, in us. */
  cpu: number
  targets: number
  idle: number
  /** CPU time of all snapshots and their JSON, in ms: the mean of some. */
  snapshotMs: number
}

/** Targets of many endpoints: how many each has, by its name. All are addresses of loopback at one port. */
export interface Spread { readonly port: number, readonly counts: Readonly<Record<string, number>> }

const ROUNDS = 21
const [entry = '', upstream = '', targets = '0', spread = ''] = process.argv.slice(2)
const { gateway, getGateway, proxy } = await import(pathToFileURL(entry).href) as typeof Holdfast

const app = Fastify()
await app.register(gateway, { pressure: false, admin: { port: 0 }, undiciOptions: { keepAliveTimeout: 600_000, keepAliveMaxTimeout: 600_000 }, pool: { maxConnectionAge: 0 } })
for (let n = 0; n < Number(targets); n++) await app.register(proxy, { prefix: `/t${n}`, upstream, target: `backend-${n}`, undiciOptions: { connections: 100 + n } })
const { port, counts } = JSON.parse(spread) as Spread
for (const [name, count] of Object.entries(counts)) {
  await app.register(proxy, { prefix: `/${name}`, upstream: `http://127.0.0.1:${port}`, target: name })
  const addresses = Array.from({ length: count }, (_, n) => `http://127.1.${Math.floor(n / 250)}.${1 + n % 250}:${port}`)
  getGateway(app).targets.get(name)!.endpoints.set(addresses)
}
const url = await app.listen({ host: '127.0.0.1', port: 0 })
const state = getGateway(app)
while (state.admin === undefined) await new Promise(resolve => setTimeout(resolve, 5))

process.on('message', () => {
  const all = [...state.targets].map(target => target.snapshot())
  const { user, system } = process.cpuUsage()
  const answers: DashboardAnswers = { cpu: user + system, targets: all.length, idle: all.reduce((sum, { connections }) => sum + connections.idle, 0), snapshotMs: snapshotMs() }
  process.send?.(answers)
})
process.once('disconnect', () => process.exit())
process.send?.({ url, admin: state.admin.url })

function snapshotMs (): number {
  const { user, system } = process.cpuUsage()
  for (let n = 0; n < ROUNDS; n++) {
    // The stream counts endpoints, and lists none.
    JSON.stringify({ at: Date.now(), targets: [...state.targets].map(target => ({ ...target.snapshot(), endpoints: undefined })) })
  }
  const after = process.cpuUsage({ user, system })
  return (after.user + after.system) / 1_000 / ROUNDS
}
