import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import t from 'tap'
import type { Test } from 'tap'
import type { AdminOptions } from '../../src/index.js'
import { flipping, idleCloser, nginx } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'
import { noChromium, startChromium } from '../../testing/chromium.js'

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
