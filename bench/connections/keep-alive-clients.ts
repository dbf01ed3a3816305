import { startBackend } from '../../testing/backend.js'
import { persistent } from '../../testing/behaviours.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { keepAliveClients } from '../instruments/clients.js'
import { startGateway } from '../instruments/gateway.js'
import { listed, printTable, type Row } from '../instruments/table.js'

// Keep-alive clients that send their next request on the last byte of an answer. The connection that carried the answer has to be free by
// then, or the gateway opens more connections than there are clients.

const CLIENTS = 20
const ROUNDS = quick ? 100 : 1000

const bounds = new Bounds()
printTable(`${CLIENTS} keep-alive clients, ${ROUNDS} rounds`, [await all(), await one()])
bounds.report()

/** A connection a client: the backend holds its first answers until all clients have sent a request. */
async function all (): Promise<Row> {
  const answers = persistent()
  let everybodyAsked = (): void => {}
  const gate = new Promise<void>((resolve) => { everybodyAsked = resolve })
  const backend = await startBackend(async (request, connection) => {
    if (backend.requests === CLIENTS) everybodyAsked()
    await gate
    return answers(request, connection)
  })
  const gateway = await startGateway({ upstream: backend.url })
  const outcomes = await keepAliveClients({ port: gateway.port, clients: CLIENTS, requests: CLIENTS * ROUNDS })
  const { totals } = await gateway.snapshot()
  bounds.hold('each request got its own answer', outcomes.errors === 0, listed(outcomes.wrong))
  bounds.hold(`the backend accepted exactly ${CLIENTS} connections`, backend.accepted === CLIENTS, String(backend.accepted))
  await gateway.stop()
  await backend.close()
  return row('connections: 128', { ...outcomes, errors: outcomes.errors, most: backend.accepted, accepted: backend.accepted, closed: totals.closed })
}

/** All clients share one connection, with requests that may be sent again and requests that may not. */
async function one (): Promise<Row> {
  let most = 0
  const backend = await startBackend({ onConnection: () => { most = Math.max(most, backend.open) }, onRequest: persistent() })
  const gateway = await startGateway({ upstream: backend.url, proxy: { undiciOptions: { connections: 1 } } })
  const outcomes = await keepAliveClients({
    port: gateway.port,
    clients: CLIENTS,
    requests: CLIENTS * ROUNDS,
    ask: (n) => n % 3 === 0 ? { method: 'POST', body: `body ${n}` } : {}
  })
  const { totals } = await gateway.snapshot()
  bounds.hold('one connection, GET and POST: each request got its own answer', outcomes.errors === 0, listed(outcomes.wrong))
  bounds.hold('one connection at a time', most === 1, String(most))
  await gateway.stop()
  await backend.close()
  return row('connections: 1, GET and POST', { ...outcomes, errors: outcomes.errors, most, accepted: backend.accepted, closed: totals.closed })
}

interface Figures { right: number, errors: number, most: number, accepted: number, closed: Record<string, number> }

function row (setting: string, { right, errors, most, accepted, closed }: Figures): Row {
  return { setting, requests: right, errors, opened: accepted, 'most at a time': most, 'closed, by reason': listed(closed) }
}
