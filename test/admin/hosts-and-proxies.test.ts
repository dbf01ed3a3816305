// Under which names the admin surface is served, and what stands in front of it: a port mapping, a proxy that ends TLS.
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { gateway } from '../../src/index.js'
import type { AdminOptions } from '../../src/index.js'
import { type RunningAdmin, adminFor, pathOf, post } from './running.js'

const TOKEN = '0123456789abcdef'
const AUTHORIZATION = { authorization: `Bearer ${TOKEN}` }
const EVICT = pathOf('a', '/evict')

async function withTarget (t: Test, admin: Partial<AdminOptions>): Promise<RunningAdmin> {
  return await adminFor(t, { admin, routes: [{ upstream: 'http://127.0.0.1:9', prefix: '/a', target: 'a' }] })
}

t.test('with a token, any Host is served', async t => {
  const { ask } = await withTarget(t, { token: TOKEN })
  for (const host of ['holdfast:9901', 'admin.example', '10.0.0.1:9901', '[::2]:9901', 'evil.example', 'evil.example@127.0.0.1', 'localhost.:1']) {
    t.equal((await ask('/api/targets', { headers: { host, ...AUTHORIZATION } })).status, 200, host)
    t.equal((await ask('/metrics', { headers: { host, ...AUTHORIZATION } })).status, 200, host)
    t.equal((await ask(EVICT, post(undefined, { host, ...AUTHORIZATION }))).status, 200, host)
    t.equal((await ask('/', { headers: { host } })).status, 200, 'the page, which has no data')
  }
})

t.test('with a token, a page that has rebound its own name to this listener gets nothing but the page', async t => {
  const { ask } = await withTarget(t, { token: TOKEN })
  // What the browser sends for such a page: for itself, it is of the same origin. It does not have the token.
  const rebound = { host: 'evil.example:9901', origin: 'http://evil.example:9901', 'sec-fetch-site': 'same-origin' }
  for (const path of ['/api/targets', pathOf('a'), '/api/events', '/metrics']) t.equal((await ask(path, { headers: rebound })).status, 401, path)
  t.equal((await ask(EVICT, post(undefined, rebound))).status, 401)
  t.equal((await ask(EVICT, post(undefined, { ...rebound, authorization: 'Bearer ' }))).status, 401)
})

t.test('without a token, a Host in allowedHosts is served', async t => {
  const allowedHosts = ['Admin.Example', 'other.example:8443', 'secure.example:443', '.internal', '10.0.0.1', '2001:db8::1', '[2001:db8::2]:9901']
  const { ask } = await withTarget(t, { allowedHosts })
  const served = [
    'admin.example', 'ADMIN.example:9901', 'other.example:8443', 'secure.example', 'secure.example:443', 'internal', 'holdfast.internal:1', 'a.b.internal', '10.0.0.1:9901',
    '[2001:db8::1]', '[2001:DB8:0::1]:1', '[2001:db8::2]:9901', 'localhost:1'
  ]
  for (const host of served) t.equal((await ask('/api/targets', { headers: { host } })).status, 200, host)
  const refused = [
    'sub.admin.example', 'admin.example.evil.example', 'admin.exampleevil', 'other.example', 'other.example:8444', 'secure.example:80', 'evilinternal', 'internal.evil.example', '10.0.0.2',
    '[2001:db8::2]:9902', 'admin.example@evil.example', 'evil.example'
  ]
  for (const host of refused) t.match(await ask('/api/targets', { headers: { host } }), { status: 403, json: { code: 'HOLDFAST_ADMIN_HOST' } }, host)
})

t.test('an allowed Host does not let the page of another site in', async t => {
  const { ask } = await withTarget(t, { allowedHosts: ['admin.example'] })
  for (const headers of [{ origin: 'https://evil.example' }, { origin: 'https://admin.example.evil.example' }, { 'sec-fetch-site': 'cross-site', origin: 'https://admin.example' }]) {
    t.match(await ask('/api/targets', { headers: { host: 'admin.example', ...headers } }), { status: 403, json: { code: 'HOLDFAST_ADMIN_ORIGIN' } })
  }
})

t.test('behind a proxy that ends TLS, and behind a port mapping, the page works', async t => {
  const cases: Record<string, string>[] = [
    { host: 'admin.example', origin: 'https://admin.example', 'sec-fetch-site': 'same-origin' },
    { host: 'admin.example', origin: 'https://admin.example' },
    { host: 'admin.example:443', origin: 'https://admin.example' },
    { host: 'admin.example:8443', origin: 'https://Admin.Example:8443' },
    { host: 'localhost:19901', origin: 'http://localhost:19901' },
    { host: 'localhost:19901', origin: 'http://localhost:19901', 'sec-fetch-site': 'same-origin' },
    // A proxy that puts its upstream into Host.
    { host: '127.0.0.1:9901', origin: 'https://admin.example', 'sec-fetch-site': 'same-origin' }
  ]
  const withToken = await withTarget(t, { token: TOKEN })
  const withHost = await withTarget(t, { allowedHosts: ['admin.example'] })
  for (const headers of cases) {
    t.equal((await withToken.ask(EVICT, post(undefined, { ...headers, ...AUTHORIZATION }))).status, 200, JSON.stringify(headers))
    t.equal((await withHost.ask(EVICT, post(undefined, headers))).status, 200, JSON.stringify(headers))
  }
})

t.test('a token does not let the page of another site in: a proxy in front may add the token to every request', async t => {
  const { ask } = await withTarget(t, { token: TOKEN })
  const cases: [Record<string, string>, string][] = [
    [{ 'sec-fetch-site': 'cross-site' }, 'The request comes from the page of another site: its Sec-Fetch-Site is "cross-site"'],
    [{ 'sec-fetch-site': 'same-site', origin: 'https://admin.example' }, 'The request comes from the page of another site: its Sec-Fetch-Site is "same-site"'],
    [
      { origin: 'https://evil.example' },
      'The request comes from the page of another site: its Origin is "https://evil.example", and its Host is "admin.example". A proxy in front has to pass Host on'
    ],
    [
      { origin: 'http://admin.example:8080' },
      'The request comes from the page of another site: its Origin is "http://admin.example:8080", and its Host is "admin.example". A proxy in front has to pass Host on'
    ]
  ]
  for (const [headers, message] of cases) {
    const { status, json } = await ask(EVICT, post(undefined, { host: 'admin.example', ...headers, ...AUTHORIZATION }))
    t.strictSame([status, json], [403, { code: 'HOLDFAST_ADMIN_ORIGIN', message }])
  }
})

t.test('a refusal shows no more of a Host than a name can have', async t => {
  const { ask } = await withTarget(t, {})
  const { json } = await ask('/api/targets', { headers: { host: 'a'.repeat(5_000) } })
  t.ok((json as { message: string }).message.startsWith(`The Host "${'a'.repeat(260)}" is not allowed`))
})

t.test('an entry of allowedHosts that is no host name is refused at register', async t => {
  const noName = 'is no host name; give one like admin.example.com or admin.example.com:9901, without scheme and path'
  const wildcard = 'has a wildcard; write .example.com for a name and all names below it, or give a token: with one, any Host is taken'
  const cases: [unknown, string][] = [
    ['admin.example', 'gateway: admin.allowedHosts: "admin.example" must be an array of strings'],
    [[7], 'gateway: admin.allowedHosts: an array must be an array of strings'],
    ...['', '.', 'https://admin.example', 'admin.example/', 'a b', 'me@admin.example', 'a:b', 'a:99999'].map((entry): [unknown, string] => [
      [entry], `gateway: admin.allowedHosts: ${JSON.stringify(entry)} ${noName}`
    ]),
    ...['*', '*.example.com', 'admin.*'].map((entry): [unknown, string] => [[entry], `gateway: admin.allowedHosts: "${entry}" ${wildcard}`])
  ]
  for (const [allowedHosts, message] of cases) {
    const app = Fastify()
    await t.rejects(async () => await app.register(gateway, { admin: { port: 0, allowedHosts } as AdminOptions }), { code: 'HOLDFAST_ERR_OPTION', message }, message)
    await app.close()
  }
})
