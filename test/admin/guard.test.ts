import type { FastifyReply, FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { refuseOtherSites } from '../../src/admin/guard.js'
import type { Answer } from '../../testing/client.js'
import { clientFor } from '../../testing/gateway.js'
import { type RunningAdmin, adminFor, pathOf, post } from './running.js'

const UPSTREAM = 'http://127.0.0.1:9'
const EVICT = pathOf('a', '/evict')
const TOKEN = '0123456789abcdef'

async function withTarget (t: Test, token?: string): Promise<RunningAdmin> {
  return await adminFor(t, { admin: { token }, routes: [{ upstream: UPSTREAM, prefix: '/a', target: 'a' }] })
}

function refusedWith (t: Test, answer: Answer & { json: unknown }, status: number, code: string, what = code): void {
  t.equal(answer.status, status, what)
  t.match(answer.json, { code, message: String })
  t.same(Object.keys(answer.json as object), ['code', 'message'], 'and no more')
}

t.test('without a token, a Host that is not the listener\'s is refused on every path', async t => {
  const { ask, admin: { port } } = await withTarget(t)
  const foreign = [
    'evil.example', `evil.example:${port}`, `localhost.evil.example:${port}`, `127.0.0.1.evil.example:${port}`, `10.0.0.1:${port}`, `[::2]:${port}`,
    `127.0.0.1:${port}0`, `evil.example@127.0.0.1:${port}`, `127.0.0.1:${port}:${port}`, `127.0.0.1:${port}/`, `[localhost]:${port}`, `localhost.:${port}`, `:${port}`
  ]
  for (const host of foreign) {
    const answer = await ask('/api/targets', { headers: { host } })
    refusedWith(t, answer, 403, 'HOLDFAST_ADMIN_HOST', host)
    t.strictSame((answer.json as { message: string }).message, `The Host ${JSON.stringify(host)} is not allowed without a token: ask for a loopback address, add the host ` +
      'to admin.allowedHosts (ADMIN_ALLOWED_HOSTS), or set admin.token (ADMIN_TOKEN)')
  }
  for (const path of ['/', '/app.js', '/metrics', '/api/events', '/nothing', '/api/nothing']) {
    refusedWith(t, await ask(path, { headers: { host: `evil.example:${port}` } }), 403, 'HOLDFAST_ADMIN_HOST', path)
  }
  refusedWith(t, await ask(EVICT, post(undefined, { host: `evil.example:${port}` })), 403, 'HOLDFAST_ADMIN_HOST')
})

t.test('a loopback name or address is accepted as Host, with any port: a port mapping changes it', async t => {
  const { ask, admin: { port } } = await withTarget(t)
  for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', 'LocalHost', '[::1]', '[0:0:0:0:0:0:0:1]']) {
    for (const given of [`${host}:${port}`, `${host}:19901`, host]) t.equal((await ask('/api/targets', { headers: { host: given } })).status, 200, given)
  }
})

t.test('the configured host and the local address of the connection are accepted as Host', async t => {
  const asked = async (configured: string, host: string, localAddress: string): Promise<void> => {
    await refuseOtherSites({ host: configured, token: undefined, allowedHosts: [] })({ method: 'GET', headers: { host }, socket: { localAddress } } as FastifyRequest, {} as FastifyReply)
  }
  const taken: Parameters<typeof asked>[] = [
    ['gateway.internal', 'Gateway.Internal:9090', '10.0.0.1'],
    ['gateway.internal', 'gateway.internal', '10.0.0.1'],
    ['0.0.0.0', '10.0.0.1:9090', '10.0.0.1'],
    ['::', '10.0.0.1:9090', '::ffff:10.0.0.1'],
    ['::', '[2001:db8::1]:9090', '2001:db8:0::1'],
    ['2001:db8::1', '[2001:db8:0:0::1]:9090', '2001:db8::1'],
    ['::', '[fe80::1]:9090', 'fe80::1%eth0'],
    ['0.0.0.0', 'localhost:9090', '127.0.0.1']
  ]
  for (const given of taken) await t.resolves(asked(...given), given.join(' '))
  const refused: Parameters<typeof asked>[] = [
    ['gateway.internal', 'other.internal:9090', '10.0.0.1'],
    ['0.0.0.0', '10.0.0.2:9090', '10.0.0.1'],
    ['0.0.0.0', 'gateway.internal:9090', '10.0.0.1'],
    ['::', '[2001:db8::2]:9090', '2001:db8::1']
  ]
  for (const given of refused) await t.rejects(asked(...given), { code: 'HOLDFAST_ADMIN_HOST' }, given.join(' '))
})

t.test('a change requested by another site\'s page is refused', async t => {
  const { ask, admin: { port, url } } = await withTarget(t)
  const foreign: Record<string, string>[] = [
    { origin: 'http://evil.example' }, { origin: `http://evil.example:${port}` }, { origin: 'null' }, { origin: '' }, { origin: 'https://127.0.0.1' }, { origin: `ftp://127.0.0.1:${port}` },
    { origin: 'http://127.0.0.1:1' }, { origin: `http://localhost:${port}` }, { origin: `${url}.evil.example` },
    { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { 'sec-fetch-site': 'cross-site', origin: url }, { 'sec-fetch-site': '' }
  ]
  for (const headers of foreign) refusedWith(t, await ask(EVICT, post(undefined, headers)), 403, 'HOLDFAST_ADMIN_ORIGIN', JSON.stringify(headers))
  const own: Record<string, string>[] = [{}, { origin: url }, { 'sec-fetch-site': 'same-origin', origin: url }, { 'sec-fetch-site': 'none' }, { origin: `http://localhost:${port}`, host: `localhost:${port}` }]
  for (const headers of own) t.equal((await ask(EVICT, post(undefined, headers))).status, 200, JSON.stringify(headers))
})

t.test('other sites\' pages cannot read the API, and may link to the page', async t => {
  const { ask } = await withTarget(t)
  for (const site of ['cross-site', 'same-site']) {
    for (const path of ['/api/targets', '/api/events', '/metrics']) refusedWith(t, await ask(path, { headers: { 'sec-fetch-site': site } }), 403, 'HOLDFAST_ADMIN_ORIGIN', path)
    t.equal((await ask('/', { headers: { 'sec-fetch-site': site } })).status, 200)
  }
})

t.test('no other origin is allowed, not by a preflight either', async t => {
  const { ask } = await withTarget(t)
  const asked = { method: 'OPTIONS', headers: { origin: 'http://evil.example', 'access-control-request-method': 'POST' } }
  for (const path of [EVICT, '/api/targets', '/', '/nothing']) {
    const answer = await ask(path, asked)
    t.equal(answer.status, 403)
    t.same(Object.keys(answer.headers).filter(name => name.startsWith('access-control')), [])
  }
})

t.test('with a token configured the API needs it', async t => {
  const { ask } = await withTarget(t, TOKEN)
  const wrong = [undefined, '', 'Bearer', 'Bearer ', `Bearer ${TOKEN}0`, `Bearer ${TOKEN.slice(1)}`, `Bearer ${TOKEN.toUpperCase()}`, `Basic ${TOKEN}`, TOKEN, `Bearer ${TOKEN} ${TOKEN}`]
  for (const authorization of wrong) {
    const answer = await ask('/api/targets', { headers: authorization === undefined ? {} : { authorization } })
    refusedWith(t, answer, 401, 'HOLDFAST_ADMIN_TOKEN', String(authorization))
    t.match(answer.headers['www-authenticate'], /^Bearer/)
  }
  for (const authorization of [`Bearer ${TOKEN}`, `bearer  ${TOKEN}`]) t.equal((await ask('/api/targets', { headers: { authorization } })).status, 200)
})

t.test('with a token configured only the page is served without it', async t => {
  const { ask } = await withTarget(t, TOKEN)
  for (const path of ['/api/targets', pathOf('a'), pathOf('nobody'), '/api/events', '/metrics', '/%61pi/targets', '/api/targets/', '/api/targets?a=/']) {
    t.equal((await ask(path)).status, 401, path)
    t.equal((await ask(path, { method: 'HEAD' })).status, 401, `HEAD ${path}`)
  }
  for (const action of ['evict', 'trial', 'update', 'drain']) t.equal((await ask(pathOf('a', `/${action}`), post({}))).status, 401, action)
  const index = await ask('/')
  t.equal(index.status, 200)
  t.match(index.headers['content-type'], 'text/html')
})

t.test('only the page\'s files are served', async t => {
  const { ask, admin } = await withTarget(t, TOKEN)
  const client = await clientFor(t, admin)
  const paths = [
    '/../package.json', '/%2e%2e/package.json', '/..%2fpackage.json', '/..\\package.json', '/./index.html', '//index.html', '/x/../index.html', '/index.html%00.js', '/dashboard/index.html', '/uplot.d.ts', '/close-reason.d.ts', '/.env', '/API/targets'
  ]
  for (const path of paths) {
    client.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${admin.port}\r\n\r\n`)
    const { status } = await client.response()
    t.equal(status, 404, path)
  }
  const script = await ask('/uplot.js')
  t.equal(script.status, 200)
  t.match(script.headers, { 'content-type': 'text/javascript; charset=utf-8', etag: /^"[\w-]+"$/, 'cache-control': 'no-cache' })
  const again = await ask('/uplot.js', { headers: { 'if-none-match': script.headers.etag! } })
  t.same([again.status, again.body.length], [304, 0])
  t.equal((await ask('/uplot.js', { headers: { 'if-none-match': '"x"' } })).status, 200)
  t.match((await ask('/uplot.css')).headers['content-type'], 'text/css')
  const head = await ask('/', { method: 'HEAD' })
  t.same([head.status, head.body.length], [200, 0])
})

t.test('every response has the security headers', async t => {
  const { ask } = await withTarget(t, TOKEN)
  const authorization = `Bearer ${TOKEN}`
  const answers = await Promise.all([
    ask('/'), ask('/nothing'), ask('/api/targets'), ask('/api/targets', { headers: { authorization } }), ask('/api/targets', { headers: { 'sec-fetch-site': 'cross-site' } }),
    ask(EVICT, { method: 'PUT', headers: { authorization } })
  ])
  t.same(answers.map(({ status }) => status), [200, 404, 401, 200, 403, 405])
  for (const { headers } of answers) {
    t.match(headers, {
      'content-security-policy': /^default-src 'none'; script-src 'self'; style-src 'self'; .*frame-ancestors 'none'$/,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin'
    })
    t.notMatch(headers['content-security-policy'], /unsafe/)
  }
  t.same(answers.map(({ headers }) => headers['cache-control']), ['no-cache', 'no-store', 'no-store', 'no-store', 'no-store', 'no-store'])
})

t.test('a body has to be JSON, and short', async t => {
  const { ask } = await withTarget(t)
  const update = pathOf('a', '/update')
  const send = async (type: string, body: string): Promise<Answer & { json: unknown }> => await ask(update, { method: 'POST', headers: { 'content-type': type }, body })
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=a']) {
    refusedWith(t, await send(type, '{"pool":{"maxPending":1}}'), 415, 'FST_ERR_CTP_INVALID_MEDIA_TYPE', type)
  }
  refusedWith(t, await send('application/json', `{"pool":${' '.repeat(16_384)}{}}`), 413, 'FST_ERR_CTP_BODY_TOO_LARGE')
  refusedWith(t, await send('application/json', '{"pool"'), 400, 'FST_ERR_CTP_INVALID_JSON_BODY')
  t.equal((await send('application/json', '{"__proto__":{"pool":{}}}')).status, 400)
  t.equal((await send('application/json; charset=utf-8', '{"pool":{"maxPending":1}}')).status, 200)
})

t.test('a method that is not allowed is refused with the list of allowed methods', async t => {
  const { ask } = await withTarget(t)
  for (const [path, allow] of [['/', 'GET, HEAD'], ['/api/targets', 'GET, HEAD'], ['/api/events', 'GET, HEAD'], [pathOf('a'), 'GET, HEAD'], [EVICT, 'POST']] as const) {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'].filter(method => !allow.includes(method))) {
      const answer = await ask(path, { method })
      refusedWith(t, answer, 405, 'HOLDFAST_ADMIN_METHOD', `${method} ${path}`)
      t.equal(answer.headers.allow, allow)
    }
  }
  t.equal((await ask(EVICT, { method: 'HEAD' })).status, 405)
})
