import t from 'tap'
import { startNginx } from '../../testing/real-nginx.js'
import { probe } from '../../src/probe/probe.js'
import { request } from '../../testing/client.js'
import { gatewayFor } from '../../testing/gateway.js'
import { isInstalled } from '../../testing/real-servers.js'

const skip = process.env['HOLDFAST_REAL'] !== '1' ? 'HOLDFAST_REAL=1 runs it' : !isInstalled('nginx') && 'nginx is not installed'
const GZIP = 'gzip on; gzip_types application/json;'
const SIZE = 3_000
const TAKES_GZIP = { headers: { 'accept-encoding': 'gzip' } }
const QUICK = { maxWait: 300, connections: 1, requests: 2 }

t.test('nginx compresses nothing for a request with Via, unless it is told to: a probe finds it, and via: false mends it', { skip }, async t => {
  const nginx = await startNginx({ logs: false, size: SIZE, lines: GZIP })
  t.teardown(() => nginx.stop())
  const { viaStopsCompression, recommended, headReuses } = await probe(new URL(nginx.url), QUICK)
  t.same({ viaStopsCompression, recommended, headReuses }, { viaStopsCompression: true, recommended: { undiciOptions: {}, pool: {}, via: false }, headReuses: true })
  const { url } = await gatewayFor(t, { routes: [{ prefix: '/told', upstream: nginx.url }, { prefix: '/silent', upstream: nginx.url, via: false }] })
  const [told, silent] = [await request(`${url}/told`, TAKES_GZIP), await request(`${url}/silent`, TAKES_GZIP)]
  t.same([told.status, told.headers['content-encoding'], told.body.length > SIZE], [200, undefined, true])
  t.same([silent.status, silent.headers['content-encoding'], silent.body.length < SIZE / 10], [200, 'gzip', true])
})

t.test('with gzip_proxied it compresses for both', { skip }, async t => {
  const nginx = await startNginx({ logs: false, size: SIZE, lines: `${GZIP} gzip_proxied any;` })
  t.teardown(() => nginx.stop())
  t.match(await probe(new URL(nginx.url), QUICK), { viaStopsCompression: false, recommended: { via: undefined } })
})
