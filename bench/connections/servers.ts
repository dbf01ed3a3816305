import { setTimeout as wait } from 'node:timers/promises'
import type { BackendCounts } from '../../testing/backend-counts.js'
import { type BackendRow, backends } from './backends.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { newConnectionClients, Outcomes } from '../instruments/clients.js'
import { startGateway } from '../instruments/gateway.js'
import { nginxInstalled } from '../../testing/real-nginx.js'
import { listed, printTable, type Row } from '../instruments/table.js'

// Counts the connections that a backend sees while each client request comes on a connection of its own. If the backend closes idle
// connections early, the clients sometimes pause for about as long, so that requests meet the closes.

const AT_ONCE = 20
const REQUESTS = quick ? 1000 : 10_000
const REQUESTS_WITH_PAUSES = quick ? 300 : 1000
const BETWEEN_PAUSES = 100
// Before, at and after the backend's close, in ms.
const PAUSES_OFF_BY = [-15, -5, -2, 0, 1, 2, 5, 15]
const CLOSES_BEFORE_TEARDOWN = 3

const bounds = new Bounds()
const rows: Row[] = []
for (const backend of backends) {
  if (backend.nginx === true && !nginxInstalled()) console.log(`skipped, nginx is not installed: ${backend.name}`)
  else rows.push(await measure(backend))
}
printTable(`${AT_ONCE} clients at once, a connection a request`, rows)
bounds.report()

async function measure (row: BackendRow): Promise<Row> {
  const backend = await row.start()
  const gateway = await startGateway({ upstream: backend.url })
  try {
    const outcomes = row.idleMs === undefined ? await burst(gateway.port, REQUESTS) : await withPauses(gateway.port, row.idleMs)
    const counts = await backend.counts()
    const { totals, persistence } = await gateway.snapshot()
    const trials = (await gateway.ask('changes')).filter(({ to }) => to === 'trial').length
    // Connections that the gateway gave up while they were idle are replaced too.
    const { idle_limit: idleLimit = 0, max_age: maxAge = 0, stale_suspect: staleSuspect = 0 } = totals.closed
    judge(row, outcomes, counts, { persistence, trials, givenUp: idleLimit + maxAge + staleSuspect })
    return {
      backend: row.name,
      requests: outcomes.right,
      errors: outcomes.errors,
      opened: counts.accepted,
      'closed by it': counts.closes,
      'asked to keep': counts.askedToKeep,
      state: persistence,
      'closed, by reason': listed(totals.closed),
      retries: listed(totals.retries)
    }
  } finally {
    await gateway.stop()
    await backend.stop()
  }
}

interface Seen { persistence: string, trials: number, givenUp: number }

function judge ({ name, keeps, closesLate = false }: BackendRow, outcomes: Outcomes, counts: BackendCounts, { persistence, trials, givenUp }: Seen): void {
  const { accepted, closes, askedToKeep } = counts
  bounds.hold(`${name}: each request got its own answer`, outcomes.errors === 0, listed(outcomes.wrong))
  if (keeps) {
    bounds.hold(`${name}: connections opened <= ${AT_ONCE} + closed by it${givenUp === 0 ? '' : ' + given up idle'}`,
      accepted <= AT_ONCE + closes + givenUp, `${accepted} > ${AT_ONCE} + ${closes} + ${givenUp}`)
    bounds.hold(`${name}: stays persistent`, persistence === 'persistent', persistence)
    return
  }
  const allowed = CLOSES_BEFORE_TEARDOWN + AT_ONCE * (closesLate ? 2 : 1) + trials
  bounds.hold(`${name}: recognised as non-persistent`, persistence !== 'persistent', persistence)
  bounds.hold(`${name}: asked to keep before that <= ${allowed}`, askedToKeep <= allowed, String(askedToKeep))
}

async function burst (port: number, requests: number): Promise<Outcomes> {
  return await newConnectionClients({ port, requests, clients: AT_ONCE })
}

async function withPauses (port: number, idleMs: number): Promise<Outcomes> {
  const all = new Outcomes()
  for (let sent = 0, pause = 0; sent < REQUESTS_WITH_PAUSES; sent += BETWEEN_PAUSES, pause++) {
    if (pause > 0) await wait(idleMs + (PAUSES_OFF_BY[pause % PAUSES_OFF_BY.length] ?? 0))
    all.add(await burst(port, BETWEEN_PAUSES))
  }
  return all
}
