import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import Fastify from 'fastify'
import { gateway, getGateway, proxy } from '../../src/index.js'
import { startBackend } from '../../testing/backend.js'
import { apache, flipping, idleCloser, nginx, node, phpServer } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { noChromium, startChromium } from '../../testing/chromium.js'

// Makes docs/images/dashboard-*.png of a gateway under load with backends of several kinds.

const FOLDER = join(import.meta.dirname, '../../docs/images')
// How long the gateway works before the pictures, so that its charts have data; in ms.
const WORKED = 70_000
const TICK = 200

if (noChromium !== false) console.log(`skipped: ${noChromium}`)
else await run()

async function run (): Promise<void> {
  const turning = flipping()
  const kinds = { users: node(), orders: idleCloser({ idleMs: 1_800, how: 'fin' }), search: nginx({ hint: 30 }), legacy: phpServer(), billing: turning.script, reports: apache({ max: 20 }) }
  const app = Fastify()
  await app.register(gateway, { admin: { port: 0 }, pressure: false, inspector: { closesBeforeTeardown: 3, trialInterval: 15_000 } })
  const backends = []
  for (const [name, script] of Object.entries(kinds)) {
    const backend = await startBackend({
      onRequest: async (request, connection) => {
        await wait(5 + 40 * Math.random())
        await script(request, connection)
      }
    })
    backends.push(backend)
    await app.register(proxy, { prefix: `/${name}`, upstream: backend.url, target: name, undiciOptions: { connections: 32 } })
  }
  const url = await app.listen({ host: '127.0.0.1', port: 0 })

  let tick = 0
  const load = setInterval(() => {
    tick++
    Object.keys(kinds).forEach((name, i) => {
      // Each target gets waves of another length, so that connections become idle.
      const wave = Math.max(0, Math.sin(tick / (6 + 3 * i))) * (4 + 2 * i)
      for (let n = 0; n < wave; n++) request(`${url}/${name}/`).catch(() => {})
    })
  }, TICK)
  const browser = await startChromium()
  const { admin } = getGateway(app)
  const light = await browser.newPage({ viewport: { width: 1280, height: 780 }, colorScheme: 'light' })
  await light.goto(admin!.url)
  await wait(WORKED / 2)
  turning.set('close')
  await wait(WORKED / 4)
  turning.set('persistent')
  const dark = await browser.newPage({ viewport: { width: 1280, height: 1080 }, colorScheme: 'dark' })
  await dark.goto(`${admin!.url}/#/target/orders`)
  await wait(WORKED / 4)
  mkdirSync(FOLDER, { recursive: true })
  await light.screenshot({ path: join(FOLDER, 'dashboard-overview-light.png') })
  await dark.screenshot({ path: join(FOLDER, 'dashboard-target-dark.png') })
  clearInterval(load)
  await browser.close()
  await app.close()
  await Promise.all(backends.map(backend => backend.close()))
}
