import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import t from 'tap'
import type { Test } from 'tap'
import { existingState } from '../../src/gateway/state.js'
import type { AdminOptions, EndpointSnapshot } from '../../src/index.js'
import { flipping, idleCloser, nginx } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'
import { noChromium, startChromium } from '../../testing/chromium.js'
import { endpointOf, fakeEndpoints } from '../admin/fake-fleet.js'
import { replicasFor } from '../endpoints/rig.js'
import type { Replica } from '../endpoints/rig.js'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8')
const HOSTILE = 'orders <img src=x onerror=alert(1)>'
const skip = process.env['HOLDFAST_BROWSER'] !== '1' ? 'HOLDFAST_BROWSER=1 runs it' : noChromium
let browser: Browser | undefined

t.before(async () => {
  if (skip === false) browser = await startChromium()
})
t.teardown(() => browser?.close())

interface Watched {
  readonly page: Page
  /** Errors of the page. */
  readonly complaints: string[]
  /** The origins of the page's requests. */
  readonly origins: Set<string>
}

function adminUrl ({ gateway }: RunningGateway): string {
  return new URL(gateway.admin!.url).origin
}

async function open (t: Test, url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser!.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const complaints: string[] = []
  const origins = new Set<string>()
  page.on('console', message => { if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text()) })
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('request', request => { if (!request.url().startsWith('data:')) origins.add(new URL(request.url()).origin) })
  await page.goto(url)
  return { page, complaints, origins }
}

// Well above 100 ms: a backend that closes sooner counts as non-persistent, and nothing is learned of it until a trial after 30 s.
const HASTY = 300

/** A gateway with a backend that keeps connections, one that switches, and one that soon closes idle connections. */
async function running (t: Test, admin: AdminOptions = { port: 0 }) {
  const flip = flipping()
  const backends = await Promise.all([backendFor(t, nginx()), backendFor(t, flip.script), backendFor(t, idleCloser({ idleMs: HASTY, how: 'fin' }))])
  const [kept, turning, hasty] = backends.map(({ url }) => url) as [string, string, string]
  const gateway = await gatewayFor(t, {
    gateway: { admin },
    routes: [
      { prefix: '/kept', upstream: kept, target: HOSTILE }, { prefix: '/turning', upstream: turning, target: 'turning' },
      { prefix: '/hasty', upstream: hasty, target: 'hasty' }
    ]
  })
  return { gateway, flip, url: adminUrl(gateway), get: async (path: string) => await request(gateway.url + path) }
}

async function get4 (get: (path: string) => Promise<unknown>, path: string): Promise<void> {
  for (let n = 0; n < 4; n++) await get(path)
}

/** The serious faults that axe finds, as texts. */
async function faults (page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  return await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run (): Promise<{ violations: Array<{ id: string, impact: string, nodes: Array<{ html: string, failureSummary: string }> }> }> } }
    const { violations } = await axe.run()
    return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`)
  })
}

const row = (page: Page, name: string) => page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) })

t.test('the overview shows the targets live, with names as text, and sends no request elsewhere', { skip }, async t => {
  const { url, get } = await running(t)
  await get4(get, '/kept')
  const { page, complaints, origins } = await open(t, url)
  const kept = row(page, HOSTILE)
  await kept.getByText('3', { exact: true }).waitFor()
  t.match(await kept.textContent(), /persistent/)
  t.match(await kept.textContent(), /75\.0 %/)
  await get4(get, '/kept')
  await kept.getByText('7', { exact: true }).waitFor()
  t.match(await page.getByRole('status').first().textContent(), /Live/)
  t.equal(await page.locator('main img').count(), 0, 'a name is no markup')
  await page.getByRole('searchbox').fill('hasty')
  await kept.waitFor({ state: 'detached' })
  t.equal(await page.locator('tbody tr').count(), 1)
  await page.getByRole('searchbox').fill('')
  await page.getByRole('button', { name: 'Target' }).click()
  await page.locator('th[aria-sort=ascending]').waitFor()
  t.same(await page.locator('tbody th a').allTextContents(), ['hasty', HOSTILE, 'turning'])
  t.same(complaints, [])
  t.same([...origins], [url])
})

t.test('the page shows a backend turn non-persistent, and starts a trial after a dialog', { skip }, async t => {
  const { url, flip, get, gateway } = await running(t)
  const { page, complaints } = await open(t, url)
  await row(page, 'turning').getByText('persistent').first().waitFor()
  flip.set('close')
  await get4(get, '/turning')
  await row(page, 'turning').getByText('non-persistent').waitFor()
  await page.getByText(/persistent → non-persistent: .*close/).waitFor()

  await row(page, 'turning').getByRole('link').click()
  await page.getByRole('heading', { level: 1, name: 'turning' }).waitFor()
  t.equal(await page.evaluate('document.activeElement.tagName'), 'H1', 'the focus goes along')
  await page.getByText(/Connection: close, on 3 connections in a row/).waitFor()
  await page.getByText('connection_close', { exact: true }).waitFor()
  await page.locator('button[aria-disabled=false]', { hasText: 'trial' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Start a trial' }).click()
  await page.getByText('The target is now trial.').waitFor()
  t.equal(gateway.gateway.targets.get('turning')?.persistence, 'trial')
  t.same(complaints, [])
})

t.test('evict works by the keyboard, asks first, does nothing on Esc, and reports the result', { skip }, async t => {
  const { url, get, gateway } = await running(t)
  await get('/kept')
  const target = gateway.gateway.targets.get(HOSTILE)!
  const { page, complaints } = await open(t, `${url}/#/target/${encodeURIComponent(HOSTILE)}`)
  await page.locator('.connection[data-state=idle]').waitFor()

  await page.keyboard.press('Tab')
  t.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the content')
  await page.keyboard.press('Enter')
  const focused = async (): Promise<string> => await page.evaluate('document.activeElement.textContent')
  for (let n = 0; n < 5 && !(await focused()).startsWith('Evict'); n++) await page.keyboard.press('Tab')
  t.match(await focused(), /^Evict/)

  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  t.equal(await focused(), 'Leave it', 'the answer that does nothing')
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  t.match(await focused(), /^Evict/, 'the focus comes back')
  t.equal(target.snapshot().connections.idle, 1)

  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  t.equal(await focused(), 'Evict')
  await page.keyboard.press('Enter')
  await page.getByText('1 idle connection was evicted.').waitFor()
  t.equal(target.snapshot().connections.idle, 0)
  await page.getByText('evicted', { exact: true }).first().waitFor()
  t.same(complaints, [])
})

t.test('the histogram shows when a backend closed, and the learned limit', { skip }, async t => {
  const { url, get, gateway } = await running(t)
  const target = gateway.gateway.targets.get('hasty')!
  while (target.snapshot().idleLimit.learned === undefined) {
    await get('/hasty')
    await until(() => target.connections().length === 0)
  }
  const { page, complaints } = await open(t, `${url}/#/target/hasty`)
  await page.getByRole('img', { name: /The backend closed \d+ idle connection.* learned limit \d+/ }).waitFor()
  await page.getByRole('img', { name: /closed in the last 5 minutes: \d+ backend_idle/ }).waitFor()
  await page.locator('.chart canvas').nth(2).waitFor()
  t.match(await page.locator('.limit[data-in-effect]').textContent(), /learned/)
  t.same(complaints, [])
})

t.test('the page asks for a token, keeps it for the tab, and asks again if it is wrong', { skip }, async t => {
  const { url } = await running(t, { port: 0, token: 'a-token-that-is-long-enough-0123456789' })
  const { page } = await open(t, url)
  const field = page.getByLabel('Token of the admin listener')
  await field.fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByText('Not live: a token is needed.').waitFor()
  await field.fill('a-token-that-is-long-enough-0123456789')
  await page.keyboard.press('Enter')
  await row(page, 'hasty').waitFor()
  await page.reload()
  await row(page, 'hasty').waitFor()
  t.equal(await page.getByRole('dialog').count(), 0)
})

t.test('the page says when it is not live, and reconnects by itself', { skip }, async t => {
  const first = await running(t)
  const { page } = await open(t, first.url)
  await row(page, 'hasty').waitFor()
  const port = Number(new URL(first.url).port)
  await first.gateway.app.close()
  await page.getByText(/Not live since/).waitFor()
  await running(t, { port })
  await page.getByText('Live', { exact: true }).waitFor()
})

/** The same gateway, whose target `turning` has these endpoints. */
async function spread (t: Test, endpoints: readonly EndpointSnapshot[]) {
  const started = await running(t)
  const { targets } = existingState(started.gateway.app)!
  return { ...started, targets, fake: fakeEndpoints(targets, targets.get('turning')!, endpoints), target: `${started.url}/#/target/turning` }
}

function fifty (count = 50): EndpointSnapshot[] {
  return Array.from({ length: count }, (_, n) => endpointOf(`10.0.${n >> 8}.${n & 255}:3000`, { exchangeMs: 4, connections: { active: n % 3, idle: n % 5, connecting: n % 7, upgraded: n % 2 } }))
}

const cards = (page: Page) => page.locator('.endpoint')
const focused = async (page: Page): Promise<string> => await page.evaluate('document.activeElement.textContent')

t.test('endpoints are a grid in which what is wrong comes first, with state, connections, share, time, since and why', { skip }, async t => {
  const list = fifty()
  const { fake, target, targets, url } = await spread(t, list)
  const { page, complaints } = await open(t, target)
  await cards(page).nth(49).waitFor()
  const first = async (n: number): Promise<string[]> => (await cards(page).locator('.address').allTextContents()).slice(0, n)
  t.same(await first(12), Array.from({ length: 12 }, (_, n) => `10.0.0.${n}:3000`), 'by address, as a person counts')
  t.match(await cards(page).nth(8).textContent(), /● up.*A 2 I 3 C 1/)
  t.notMatch(await cards(page).nth(8).textContent(), / T /)

  fake.endpoints.change('10.0.0.20:3000', { state: 'ejected', cause: '5 failures in a row: 503', since: new Date(2020, 0, 31, 12, 34, 56).getTime(), requests: 30 })
  fake.endpoints.change('10.0.0.30:3000', { refusing: true, requests: 10 })
  fake.endpoints.change('10.0.0.40:3000', { state: 'leaving' })
  fake.endpoints.change('10.0.0.41:3000', { state: 'leaving', drained: true })
  fake.endpoints.change('10.0.0.42:3000', { persistence: 'non-persistent' })
  fake.endpoints.change('10.0.0.43:3000', { state: 'joining' })
  await cards(page).filter({ hasText: 'ejected' }).waitFor()
  t.same(await first(6), [20, 30, 40, 43, 42, 0].map(n => `10.0.0.${n}:3000`))
  t.match(await cards(page).last().textContent(), /10\.0\.0\.41:3000.*drained/)
  t.match(await cards(page).first().textContent(), /✕ ejected.*75\.0 % · 4\.0 ms.*31 Jan 12:34:56 5 failures in a row: 503/)
  t.match(await cards(page).nth(1).textContent(), /! refusing.*25\.0 %/)

  await cards(page).first().click()
  const panel = page.locator('.endpoint-panel')
  await panel.getByRole('heading', { name: '10.0.0.20:3000' }).waitFor()
  t.match(await panel.textContent(), /ejected since 31 Jan 12:34:56.*Why5 failures in a row: 503.*2 active, 0 idle, 6 connecting, 0 tunnels.*75\.0 %.*4\.0 ms/)
  fake.endpoints.remove('10.0.0.20:3000')
  await panel.locator('.badge[data-condition=gone]').waitFor()
  t.equal(await panel.getByRole('heading').textContent(), '10.0.0.20:3000', 'what is shown does not change to another endpoint')

  fake.discovery = { endpoints: 49, missing: 2, age: 1_200, answers: 3, failures: 1, fault: { kind: 'silent', message: 'no answer in 5000 ms' } }
  await page.getByText('Discovery knows 49 endpoints, of which the last answers lack 2; it answered 1.2 s ago; 1 question was not answered; now: no answer in 5000 ms').waitFor()
  targets.observers.endpointDrained('turning', 'e1', '10.0.0.41:3000')
  await page.getByRole('listitem').filter({ hasText: '10.0.0.41:3000 drained' }).waitFor()

  await page.goto(`${url}/#/target/hasty`)
  await page.getByRole('heading', { level: 1, name: 'hasty' }).waitFor()
  await page.locator('.chart canvas').nth(2).waitFor()
  t.notOk(await page.getByRole('heading', { name: 'Endpoints' }).isVisible(), 'a plain target has none')
  t.same(complaints, [])
})

t.test('an endpoint is chosen, drained, ejected and brought back by the keyboard, and each action asks first', { skip }, async t => {
  const { fake, target } = await spread(t, fifty(5))
  const { page, complaints } = await open(t, target)
  await cards(page).nth(4).waitFor()
  await page.getByRole('searchbox').focus()
  await page.keyboard.press('Tab')
  t.match(await focused(page), /^10\.0\.0\.0:3000/)
  for (const [key, address] of [['ArrowRight', 1], ['End', 4], ['ArrowRight', 4], ['Home', 0], ['ArrowLeft', 0], ['ArrowRight', 1]] as const) {
    await page.keyboard.press(key)
    t.match(await focused(page), new RegExp(`^10\\.0\\.0\\.${address}:3000`), key)
  }
  await page.keyboard.press('Enter')
  const panel = page.locator('.endpoint-panel')
  await panel.getByRole('heading', { name: '10.0.0.1:3000' }).waitFor()
  fake.endpoints.change('10.0.0.3:3000', { refusing: true })
  await cards(page).first().filter({ hasText: 'refusing' }).waitFor()
  t.match(await focused(page), /^10\.0\.0\.1:3000/, 'the focus stays where it was')
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Shift+Tab')
  t.equal(await focused(page), 'Restore…')

  const { id } = fake.endpoints.list()[1]!
  const state = (): string => fake.endpoints.list().find(endpoint => endpoint.id === id)!.state
  await page.keyboard.press('Enter')
  await page.getByText('It is not ejected.').waitFor()
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByText('Eject 10.0.0.1:3000?').waitFor()
  t.equal(await focused(page), 'Leave it', 'the answer that does nothing')
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  t.equal(await focused(page), 'Eject…')
  t.equal(state(), 'up')
  for (const [verb, then] of [['Eject', 'ejected'], ['Restore', 'up'], ['Drain', 'leaving'], ['Undrain', 'up']] as const) {
    await panel.locator('button[aria-disabled=false]', { hasText: `${verb}…` }).click()
    await page.getByRole('dialog').getByRole('button', { name: verb, exact: true }).click()
    await page.getByText(`10.0.0.1:3000 is ${then} now.`).waitFor()
    t.equal(state(), then)
  }
  for (const n of [0, 2, 3, 4]) fake.endpoints.change(`10.0.0.${n}:3000`, { state: 'ejected' })
  await cards(page).nth(3).filter({ hasText: 'ejected' }).waitFor()
  await panel.getByRole('button', { name: 'Drain…', exact: true }).click()
  await page.getByRole('dialog').getByText('No other endpoint of turning is up.').waitFor()
  t.same(complaints, [])
})

t.test('the connections of a target with several endpoints are those of the chosen one', { skip }, async t => {
  const replicas = await replicasFor(t, 2)
  const [one, two] = replicas as [Replica, Replica]
  const { url, get, gateway } = await running(t)
  gateway.gateway.targets.get('turning')!.endpoints.set([one.url, two.url])
  await Promise.all(Array.from({ length: 8 }, async () => await get('/turning')))
  const { page, complaints } = await open(t, `${url}/#/target/turning`)
  await cards(page).filter({ hasText: one.address }).click()
  await page.getByRole('heading', { name: `Connections of ${one.address}` }).waitFor()
  const shown = page.locator('.connection:not([data-state=closed])')
  await page.waitForFunction(`document.querySelectorAll('.connection:not([data-state=closed])').length === ${one.connections}`)
  await cards(page).filter({ hasText: two.address }).click()
  await page.getByRole('heading', { name: `Connections of ${two.address}` }).waitFor()
  await page.waitForFunction(`document.querySelectorAll('.connection:not([data-state=closed])').length === ${two.connections}`)
  t.equal(await shown.count(), two.connections)
  t.same(complaints, [])
})

t.test('a thousand endpoints are shown in pages, and found by address or state', { skip }, async t => {
  const { fake, target, url, targets } = await spread(t, fifty(1_000))
  const { page, complaints } = await open(t, target)
  await page.getByText('1 to 60 of 1\u202f000').waitFor()
  t.equal(await cards(page).count(), 60)
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByText('61 to 120 of 1\u202f000').waitFor()
  fake.endpoints.change('10.0.3.200:3000', { state: 'ejected' })
  await page.getByRole('button', { name: 'Previous' }).click()
  await cards(page).first().filter({ hasText: '10.0.3.200:3000' }).waitFor()
  await page.getByRole('searchbox').fill('10.0.2.77')
  await page.waitForFunction('document.querySelectorAll(".endpoint").length === 1')
  await page.getByRole('searchbox').fill('ejected')
  await cards(page).filter({ hasText: '10.0.3.200:3000' }).waitFor()
  await page.getByRole('searchbox').fill('nowhere')
  await page.getByText('No endpoint\'s address or state contains that.').waitFor()

  await page.goto(`${url}/#/`)
  await row(page, 'turning').getByText('1\u202f000 endpoints, 1 ejected').waitFor()
  await page.getByText('1 endpoint ejected').waitFor()
  targets.observers.endpointChanged('turning', { endpoint: 'e1', address: '10.0.0.1:3000', from: undefined, to: 'joining', cause: 'it is listed' })
  targets.observers.endpointChanged('turning', { endpoint: 'e1', address: '10.0.0.1:3000', from: 'up', to: 'ejected', cause: 'a test says so' })
  await page.getByText('10.0.0.1:3000: up → ejected: a test says so').waitFor()
  t.equal(await page.getByText('joining').count(), 0, 'endpoints that come are no news')
  t.same(complaints, [])
})

const LOOKS: ReadonlyArray<{ name: string, options: BrowserContextOptions }> = [
  { name: 'in light', options: { colorScheme: 'light' } },
  { name: 'in dark', options: { colorScheme: 'dark' } },
  { name: '400 px wide', options: { viewport: { width: 400, height: 800 } } }
]

for (const { name, options } of LOOKS) {
  t.test(`axe finds no serious fault ${name}, and the page does not scroll sideways`, { skip }, async t => {
    const { url, flip, get } = await running(t)
    flip.set('close')
    for (const path of ['/kept', '/turning', '/hasty']) await get4(get, path)
    const { page, complaints } = await open(t, url, options)
    const wider = async (): Promise<number> => await page.evaluate('document.documentElement.scrollWidth - innerWidth')
    await row(page, 'turning').getByText('non-persistent').waitFor()
    t.same(await faults(page), [])
    t.equal(await wider(), 0)
    for (const target of ['turning', HOSTILE]) {
      await page.goto(`${url}/#/target/${encodeURIComponent(target)}`)
      await page.getByRole('heading', { level: 1, name: target }).waitFor()
      await page.locator('.chart canvas').nth(2).waitFor()
      t.same(await faults(page), [])
      t.equal(await wider(), 0)
    }
    await page.getByRole('button', { name: /Evict/ }).click()
    await page.getByRole('dialog').waitFor()
    t.same(await faults(page), [])
    t.same(complaints, [])
  })

  t.test(`axe finds no serious fault in a grid of endpoints ${name}, and the page does not scroll sideways`, { skip }, async t => {
    const list = fifty(70)
    const { fake, target } = await spread(t, list)
    for (const [n, changes] of [{ state: 'ejected', cause: 'c'.repeat(300) }, { refusing: true }, { state: 'leaving' }, { state: 'leaving', drained: true }, { state: 'joining' }, { persistence: 'non-persistent' }].entries()) {
      fake.endpoints.change(list[n]!.id, changes as Partial<EndpointSnapshot>)
    }
    fake.endpoints.change(list[6]!.id, { address: '[2001:db8:1234:5678:9abc:def0:1234:5678]:30000' })
    const { page, complaints } = await open(t, target, options)
    await cards(page).nth(59).waitFor()
    t.same(await faults(page), [])
    t.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0)
    await page.locator('.endpoint-panel').getByRole('button', { name: 'Drain…', exact: true }).click()
    await page.getByRole('dialog').waitFor()
    t.same(await faults(page), [])
    t.same(complaints, [])
  })
}

t.test('events are read however they are split', { skip }, async t => {
  const { url } = await running(t)
  const { page } = await open(t, url)
  const heard = await page.evaluate(async url => {
    const { EventStreamParser } = await import(`${url}/event-stream.js`)
    const text = ': a comment\nevent: a\ndata: 1\n\nevent: b\r\ndata: 2\r\ndata:3\r\n\r\ndata: 4\n\nevent: without\n\n'
    return [1, 2, 3, 7, text.length].map(size => {
      const events: string[] = []
      const parser = new EventStreamParser((type: string, data: string) => events.push(`${type} ${data}`))
      for (let at = 0; at < text.length; at += size) parser.push(text.slice(at, at + size))
      return events
    })
  }, url)
  for (const events of heard) t.same(events, ['a 1', 'b 2\n3', 'message 4'])
})
