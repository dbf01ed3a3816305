import { setTimeout as wait } from 'node:timers/promises'
import { startBackend } from '../../testing/backend.js'
import { flipping, type FlippingMode, nginx } from '../../testing/behaviours.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { keepAliveClients, newConnectionClients } from '../instruments/clients.js'
import { type Gateway, type PersistenceChange, startGateway } from '../instruments/gateway.js'
import { listed, printTable, type Row } from '../instruments/table.js'

// A backend that stops and starts keeping connections under load; and clients that try to make a backend look non-persistent.

const CLIENTS = 20
const TRIAL_INTERVAL = 1000
const MOST_DOUBLINGS = 3
const JITTER = 0.1
// A trial's connection counts as kept if it is open 100 ms after its first response; 400 ms more are for a busy machine.
const TRIAL = 100 + 400

const bounds = new Bounds()
printTable('persistent, then not, then persistent again; ms', [
  await flip('close', 500),
  await flip('close', quick ? 1500 : 5500),
  await flip('silent', 500),
  await flip('silent', quick ? 1500 : 5500)
])
printTable('nginx, asked for what it answers with close', [await provoke(413), await provoke(500), await provoke(413, 3)])
bounds.report()

async function flip (mode: FlippingMode, staysFor: number): Promise<Row> {
  const name = `${mode} for ${staysFor} ms`
  const backend = flipping()
  const server = await startBackend(backend.script)
  const gateway = await startGateway({ upstream: server.url, proxy: { inspector: { trialInterval: TRIAL_INTERVAL } } })
  const end = new AbortController()
  const load = newConnectionClients({ port: gateway.port, clients: CLIENTS, requests: Infinity, signal: end.signal })
  await wait(1000)
  backend.set(mode)
  const flipped = Date.now()
  const recognised = await change(gateway, 'non-persistent', flipped)
  await wait(staysFor)
  backend.set('persistent')
  const flippedBack = Date.now()
  const back = await change(gateway, 'persistent', flippedBack)
  await wait(500)
  end.abort()
  const outcomes = await load

  const changes = await gateway.ask('changes')
  const failedTrials = changes.filter(({ from, to }) => from === 'trial' && to === 'non-persistent')
  const interval = TRIAL_INTERVAL * 2 ** Math.min(failedTrials.length, MOST_DOUBLINGS)
  // The interval in force began at the backend's change, or at the failure of the trial that was under way then.
  const since = Math.max(flippedBack, failedTrials.at(-1)?.at ?? 0)
  const allowed = interval * (1 + JITTER) + TRIAL
  bounds.hold(`${name}: each request got its own answer`, outcomes.errors === 0, listed(outcomes.wrong))
  bounds.hold(`${name}: recognised`, recognised !== undefined)
  bounds.hold(`${name}: persistent again within ${allowed} ms`, back !== undefined && back.at - since <= allowed, `${(back?.at ?? Infinity) - since} ms`)
  await gateway.stop()
  await server.close()
  return {
    'not persistent': name,
    requests: outcomes.right,
    errors: outcomes.errors,
    'recognised after': recognised === undefined ? 'never' : recognised.at - flipped,
    'failed trials': failedTrials.length,
    'interval in force': interval,
    'back after': back === undefined ? 'never' : back.at - flippedBack,
    cause: recognised?.cause ?? ''
  }
}

/** The first change to a state since a time; undefined if it does not come in time. */
async function change (gateway: Gateway, to: PersistenceChange['to'], since: number): Promise<PersistenceChange | undefined> {
  const deadline = Date.now() + TRIAL_INTERVAL * 2 ** MOST_DOUBLINGS * (1 + JITTER) + 2 * TRIAL
  while (Date.now() < deadline) {
    const found = (await gateway.ask('changes')).find((one) => one.to === to && one.at >= since)
    if (found !== undefined) return found
    await wait(20)
  }
  return undefined
}

/** Every nth request provokes an error after which nginx closes the connection. */
async function provoke (status: number, nth = 1): Promise<Row> {
  const server = await startBackend(nginx())
  const gateway = await startGateway({ upstream: server.url })
  const outcomes = await keepAliveClients({
    port: gateway.port,
    clients: CLIENTS,
    requests: quick ? 500 : 2000,
    ask: (n) => n % nth === 0 ? { method: n % 2 === 0 ? 'POST' : 'GET', body: n % 2 === 0 ? 'much' : undefined, path: `/${status}`, status } : {}
  })
  const changes = await gateway.ask('changes')
  const { persistence, totals } = await gateway.snapshot()
  const name = nth === 1 ? `only ${status}` : `${status} to every ${nth}rd`
  bounds.hold(`${name}: each request got its own answer`, outcomes.errors === 0, listed(outcomes.wrong))
  bounds.hold(`${name}: stays persistent`, persistence === 'persistent' && changes.length === 0, `${changes.length} changes`)
  await gateway.stop()
  await server.close()
  return {
    answers: name,
    requests: outcomes.right,
    errors: outcomes.errors,
    opened: server.accepted,
    'closed by it': server.closes,
    state: persistence,
    'closed, by reason': listed(totals.closed)
  }
}
