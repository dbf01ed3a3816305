import type { AddressInfo } from 'node:net'
import t from 'tap'
import { sampleLoad } from '../../src/service/sample-load.js'
import { persistent } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'

t.test('only the load\'s own requests are logged as such, and their mark is not forwarded', async t => {
  const backend = await backendFor(t, persistent(), { log: true })
  const ended: { mark: unknown, level: string }[] = []
  const { url } = await gatewayFor(t, {
    level: 'info',
    before (app) {
      sampleLoad(app, () => `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
      app.addHook('onResponse', async ({ headers, log }) => { ended.push({ mark: headers['x-sample-load'], level: log.level }) })
    },
    routes: [{ prefix: '/samples', upstream: backend.url }]
  })
  for (const mark of ['', 'holdfast-sample-load']) {
    await request(`${url}/samples/mine`, { headers: { 'user-agent': 'holdfast-sample-load', 'x-sample-load': mark } })
  }
  await until(() => ended.length > 2)
  t.strictSame(ended.map(({ level }) => level).slice(0, 3), ['info', 'info', 'warn'])
  t.type(ended[2]!.mark, 'string')
  const { path, header } = backend.log[2]!
  t.notMatch(path, 'mine')
  t.equal(header('x-sample-load'), undefined)
})
