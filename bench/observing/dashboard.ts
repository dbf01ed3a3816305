import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import type { CDPSession, Page } from 'playwright-core'
import { startBackend } from '../../testing/backend.js'
import { persistent } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { noChromium, startChromium } from '../../testing/chromium.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { compile } from '../instruments/compiled.js'
import type { DashboardAnswers, Spread } from './dashboard-process.js'
import { printTable } from '../instruments/table.js'

// What the dashboard costs with many targets and connections, in the page's main thread and in the gateway's process.

const TARGETS = 200
const CONNECTIONS = 50
const ENDPOINTS = { fifty: 50, thousand: 1_000 }
// Requests to each of those, each so many ms.
const AT_ONCE = 5
const BEAT = 100
const SECONDS = quick ? 8 : 20
// A page has finished opening by then, in ms.
const SETTLED = 4_000
const MOST_PAGE = 60
const MOST_SNAPSHOT = 10
const MOST_CPU = 5

if (noChromium !== false) console.log(`skipped: ${noChromium}`)
else await run()

async function run (): Promise<void> {
  // Answers only once there are as many requests as wanted connections.
  const held: Array<() => void> = []
  const answer = persistent()
  let holding = true
  const backend = await startBackend({
    onRequest: async (request, connection) => {
      if (holding) await new Promise<void>(resolve => held.push(resolve))
      await answer(request, connection)
    }
  })
  const everywhere = await startBackend({ onRequest: persistent() }, { host: '0.0.0.0' })
  const spread: Spread = { port: everywhere.port, counts: ENDPOINTS }
  const entry = compile()
  // The dashboard is not compiled, so it is copied beside the compiled package.
  cpSync(join(import.meta.dirname, '../../dashboard'), join(dirname(entry), '../dashboard'), { recursive: true })
  const gateway = fork(join(import.meta.dirname, 'dashboard-process.ts'), [entry, backend.url, String(TARGETS), JSON.stringify(spread)], { execArgv: ['--import=tsx'] })
  const [{ url, admin }] = await once(gateway, 'message') as [{ url: string, admin: string }]
  for (let n = 0; n < TARGETS; n++) {
    const answers = Array.from({ length: CONNECTIONS }, () => request(`${url}/t${n}/`))
    while (held.length < CONNECTIONS) await wait(1)
    for (const release of held.splice(0)) release()
    await Promise.all(answers)
  }
  holding = false
  const { targets, idle, snapshotMs } = await ask(gateway)

  const load = setInterval(() => {
    for (const name of Object.keys(ENDPOINTS)) {
      for (let n = 0; n < AT_ONCE; n++) request(`${url}/${name}/`).catch(() => {})
    }
  }, BEAT)
  const alone = await cpu(gateway)
  const browser = await startChromium()
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  await page.goto(admin)
  await page.locator('tbody tr').first().waitFor()
  const overview = await watched(page, gateway)
  await page.locator('tbody a').first().click()
  await page.locator('.connection').nth(CONNECTIONS - 1).waitFor()
  const target = await watched(page, gateway)
  const grids = []
  for (const name of Object.keys(ENDPOINTS)) {
    await page.goto(`${admin}/#/target/${name}`)
    await page.getByRole('heading', { level: 1, name }).waitFor()
    await page.locator('.endpoint').nth(49).waitFor()
    grids.push({ name, ...await watched(page, gateway) })
  }
  clearInterval(load)
  await browser.close()
  gateway.disconnect()
  await backend.close()
  await everywhere.close()

  printTable(`${targets} targets, ${idle} idle connections; a second of ${SECONDS}`, [
    { page: 'none', 'page, ms of main thread': '', 'gateway, % of a core': round(alone) },
    { page: 'overview', 'page, ms of main thread': round(overview.page), 'gateway, % of a core': round(overview.gateway) },
    { page: 'one target', 'page, ms of main thread': round(target.page), 'gateway, % of a core': round(target.gateway) },
    ...grids.map(({ name, page, gateway }) => ({ page: `a target of ${name} endpoints`, 'page, ms of main thread': round(page), 'gateway, % of a core': round(gateway) }))
  ])
  console.log(`\nall snapshots, and their JSON: ${round(snapshotMs)} ms`)
  const bounds = new Bounds()
  bounds.hold(`there are ${TARGETS} targets with ${CONNECTIONS} connections each`, targets === TARGETS + Object.keys(ENDPOINTS).length && idle === TARGETS * CONNECTIONS, `${targets} and ${idle}`)
  bounds.hold(`the overview takes less than ${MOST_PAGE} ms a second of the page's main thread`, overview.page < MOST_PAGE, `${round(overview.page)} ms`)
  bounds.hold(`so does the page of one target with ${CONNECTIONS} connections`, target.page < MOST_PAGE, `${round(target.page)} ms`)
  for (const { name, page } of grids) bounds.hold(`so does the page of a target of ${name} endpoints`, page < MOST_PAGE, `${round(page)} ms`)
  bounds.hold(`all snapshots take less than ${MOST_SNAPSHOT} ms`, snapshotMs < MOST_SNAPSHOT, `${round(snapshotMs)} ms`)
  const most = Math.max(overview.gateway, target.gateway, ...grids.map(grid => grid.gateway)) - alone
  bounds.hold(`an open dashboard takes less than ${MOST_CPU} % of a core from the gateway`, most < MOST_CPU, `${round(most)} %`)
  bounds.report()
}

/** Measures the page's main thread in ms a second, and the gateway's CPU in % of a core. */
async function watched (page: Page, gateway: ChildProcess): Promise<{ page: number, gateway: number }> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  await wait(SETTLED)
  const before = await taskSeconds(session)
  const began = performance.now()
  const percent = await cpu(gateway)
  const after = await taskSeconds(session)
  return { page: (after - before) * 1000 / ((performance.now() - began) / 1000), gateway: percent }
}

async function taskSeconds (session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics')
  const found = metrics.find(({ name }) => name === 'TaskDuration')
  if (found === undefined) throw new Error('Chromium tells no TaskDuration')
  return found.value
}

/** Measures the gateway's CPU in % of a core. */
async function cpu (gateway: ChildProcess): Promise<number> {
  // The cost of the question falls before the first figure and after the second.
  await ask(gateway)
  const { cpu: before } = await ask(gateway)
  const began = performance.now()
  await wait(SECONDS * 1000)
  const { cpu: after } = await ask(gateway)
  return (after - before) / 10 / (performance.now() - began)
}

async function ask (gateway: ChildProcess): Promise<DashboardAnswers> {
  gateway.send('tell')
  const [answers] = await once(gateway, 'message') as [DashboardAnswers]
  return answers
}

function round (n: number): number {
  return Math.round(n * 10) / 10
}
