import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import t from 'tap'
import type { CloseReason } from '../../src/index.js'
import { request } from '../../testing/client.js'
import { gatewayFor } from '../../testing/gateway.js'
import { DOCUMENTS, isInstalled, markOf, servers } from '../../testing/real-servers.js'

const CLIENTS = 20
// Servers that keep no connections get many, each of which may wait for a place in a short backlog.
const REQUESTS = { kept: 400, notKept: 150 }
const CLOSED_BY_BACKEND: CloseReason[] = ['backend_idle', 'backend_active', 'connection_close']

const wanted = process.env['HOLDFAST_REAL'] === '1'

for (const { name, command, keeps, start } of servers) {
  const skip = !wanted ? 'HOLDFAST_REAL=1 runs it' : !isInstalled(command) && `${command} is not installed`
  t.test(`${CLIENTS} clients at once over ${name}: each gets its answer, and connections are ${keeps ? 'kept' : 'not kept'}`, { skip }, async t => {
    const server = await start()
    t.teardown(() => server.stop())
    const opened = countOpened(t, Number(new URL(server.url).port))
    const { url, target } = await gatewayFor(t, { routes: [{ upstream: server.url }] })

    const requests = keeps ? REQUESTS.kept : REQUESTS.notKept
    const wrong: string[] = []
    let sent = 0
    await Promise.all(Array.from({ length: CLIENTS }, async () => {
      while (sent < requests) {
        const n = sent++ % DOCUMENTS
        const { status, body } = await request(`${url}/d${n}`, { headers: { 'X-Id': markOf(n) } })
        if (status !== 200 || !body.includes(markOf(n))) wrong.push(`${status} ${body}`)
      }
    }))

    const { persistence, totals } = target.snapshot()
    const closes = CLOSED_BY_BACKEND.reduce((sum, reason) => sum + (totals.closed[reason] ?? 0), 0)
    t.same(wrong, [])
    t.equal(persistence, keeps ? 'persistent' : 'non-persistent')
    if (keeps) t.ok(opened() <= CLIENTS + closes, `${opened()} connections opened, ${closes} closed by the backend`)
    else t.ok(opened() <= requests + CLIENTS, `${opened()} connections opened`)
  })
}

/** Counts the connections that this process opens to a port, by Node's diagnostics channel. */
function countOpened (t: { teardown (end: () => void): void }, port: number): () => number {
  let opened = 0
  const onSocket = (message: unknown): void => {
    const { socket } = message as { socket: Socket }
    socket.once('connect', () => { if (socket.remotePort === port) opened++ })
  }
  subscribe('net.client.socket', onSocket)
  t.teardown(() => unsubscribe('net.client.socket', onSocket))
  return () => opened
}
