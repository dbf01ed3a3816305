import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { type Input, listening, routesFor } from './microservice.js'
import { type LogLine, captureLog, until } from '../../testing/gateway.js'
import { EXTENSION } from '../../testing/program.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
const DEMONSTRATION = 'THIS IS A DEMONSTRATION: sample backends answer under /samples/, and no backend of yours is proxied. ' +
  'To proxy one, set UPSTREAMS, like UPSTREAMS=/users=http://users:3000'

interface Started { lines: LogLine[], url: string, admin: string | undefined, said: string[] }

/** The microservice, and what it has logged by the time that it has said where it listens. */
async function started (t: Test, input: Input): Promise<Started> {
  const { stream, lines } = captureLog()
  const { app, url } = await listening(t, { ...input, logger: { stream } })
  const samples = input.variables?.['UPSTREAMS'] === undefined && input.routes === undefined
  // `listen` does not wait for onListen hooks.
  await until(() => lines.some(({ msg }) => samples ? msg === DEMONSTRATION : msg?.startsWith('holdfast ')))
  return { lines, url, admin: app.gateway!.admin?.url, said: lines.map(({ msg }) => msg!) }
}

t.test('started, it logs each route with its upstream, and what it listens on', async t => {
  const { lines, url, admin } = await started(t, {
    variables: { UPSTREAMS: '/users=http://127.0.0.1:1/api,/live=wss://127.0.0.1:2,/=unix+http://%2Frun%2Fweb.sock/', CONNECTIONS: '7' }
  })
  const routes = lines.filter(({ upstream }) => upstream !== undefined)
  const told = { level: 30, websocket: true, connections: 7 }
  t.match(routes, [
    { ...told, route: '/users', upstream: 'http://127.0.0.1:1/api', msg: '/users goes to http://127.0.0.1:1/api, WebSockets too, over at most 7 connections' },
    { ...told, route: '/live', upstream: 'https://127.0.0.1:2', msg: '/live goes to https://127.0.0.1:2, WebSockets too, over at most 7 connections' },
    { ...told, route: '/', upstream: 'unix+http://%2Frun%2Fweb.sock/', msg: '/ goes to unix+http://%2Frun%2Fweb.sock/, WebSockets too, over at most 7 connections' }
  ])
  t.equal(routes.length, 3)
  const { pid, version: node } = process
  t.match(lines.find(({ msg }) => msg?.startsWith('holdfast ')), {
    level: 30,
    url,
    admin,
    version,
    node,
    msg: `holdfast ${version} listens on ${url}, for this machine alone (HOST); admin surface on ${admin}; process ${pid}, Node.js ${node}`
  })
  t.notOk(lines.some(({ msg }) => msg === DEMONSTRATION))
})

t.test('several endpoints are named, with what each may have', async t => {
  const { lines, said } = await started(t, {
    variables: {
      UPSTREAMS: '/users=http://127.0.0.1:1|http://127.0.0.1:2,/names=dns+http://users.invalid:1', CONNECTIONS: '7', MAX_TARGET_CONNECTIONS: '9', WEBSOCKET: 'false'
    }
  })
  const each = 'over at most 7 connections to each endpoint, and 9 in all'
  t.ok(said.includes(`/users goes to http://127.0.0.1:1, http://127.0.0.1:2, ${each}`), said.join('\n'))
  t.ok(said.includes(`/names goes to dns+http://users.invalid:1, ${each}`), said.join('\n'))
  t.equal(lines.find(({ route }) => route === '/users')?.['upstream'], 'http://127.0.0.1:1, http://127.0.0.1:2')
})

t.test('without WebSockets, with one connection and without an admin surface, the lines say so', async t => {
  const { said, url } = await started(t, { variables: { UPSTREAMS: '/users=http://127.0.0.1:1', WEBSOCKET: 'false', CONNECTIONS: '1', ADMIN_PORT: '' } })
  t.ok(said.includes('/users goes to http://127.0.0.1:1, over at most 1 connection'), said.join('\n'))
  t.ok(said.some(line => line.startsWith(`holdfast ${version} listens on ${url}, for this machine alone (HOST); no admin surface; `)), said.join('\n'))
})

t.test('the admin surface is named by the address that is bound, as the clients\' port is', async t => {
  const { said, lines, admin } = await started(t, { variables: { UPSTREAMS: '/users=http://127.0.0.1:1', ADMIN_HOST: '0.0.0.0', ADMIN_TOKEN: '0123456789abcdef' } })
  t.match(admin, /^http:\/\/127\.0\.0\.1:\d+$/, 'this machine can ask it')
  const bound = admin!.replace('127.0.0.1', '0.0.0.0')
  t.ok(said.some(line => line.includes(`; admin surface on ${bound}; `)), said.join('\n'))
  t.equal(lines.find(({ msg }) => msg === 'the admin surface listens')?.['url'], bound)
})

t.test('route files are named, with the routes that they proxy', async t => {
  const { lines } = await started(t, {
    routes: routesFor(t, {
      [`mine${EXTENSION}`]: 'export default async app => { app.get(\'/mine\', () => \'here\') }\n',
      [`orders/proxied${EXTENSION}`]: `import { proxy } from ${JSON.stringify(new URL('../../plugins/proxy.js', import.meta.url).href)}
export default async app => {
  await app.register(proxy, { prefix: '/named', upstream: 'http://127.0.0.1:1', target: 'one' })
  await app.register(proxy, { prefix: '/chosen', upstream: '', replyOptions: { getUpstream: () => 'http://127.0.0.1:1' } })
}
`
    })
  })
  const files = [`mine${EXTENSION}`, `orders/proxied${EXTENSION}`]
  t.match(lines.find(line => line['files'] !== undefined), { level: 30, files, msg: `route files: ${files.join(', ')}` })
  t.match(lines.filter(({ msg }) => msg?.includes(' goes to ')), [
    { route: '/orders/named', upstream: 'http://127.0.0.1:1', target: 'one', websocket: false, msg: '/orders/named goes to http://127.0.0.1:1, over at most 128 connections' },
    { route: '/orders/chosen', websocket: false, msg: '/orders/chosen goes to what getUpstream chooses, over at most 128 connections' }
  ])
})

t.test('the last line of the samples is a warning that they are a demonstration', async t => {
  const { lines } = await started(t, {})
  t.match(lines.at(-1), { level: 40, msg: DEMONSTRATION })
  t.equal(lines.filter(({ msg }) => msg === DEMONSTRATION).length, 1)
})

t.test('what holdfast check would find is logged at start, once for each rule, with its code and variable', async t => {
  const { lines } = await started(t, {
    variables: { UPSTREAMS: '/a=http://a.example.com,/b=http://a.example.com/b', HEADERS_TIMEOUT_MS: '0', BODY_TIMEOUT_MS: '60', CONNECTIONS: '1', TRUST_PROXY: 'true', KEEP_ALIVE_TIMEOUT_MS: '0' }
  })
  const target = 'http://a.example.com'
  t.match(lines.filter(({ level }) => level >= 40), [
    { code: 'HOLDFAST_WARN_KEEP_ALIVE_OFF', route: 'gateway', msg: / recognised without it\. Set by KEEP_ALIVE_TIMEOUT_MS\.$/ },
    {
      code: 'HOLDFAST_WARN_SECONDS_FOR_MILLISECONDS',
      targets: [target],
      msg: 'undiciOptions.bodyTimeout: 60. Times are in milliseconds: this one ends before most backends can do anything, and was most likely meant in seconds. Give it in milliseconds: 60 s is 60000. Set by BODY_TIMEOUT_MS.'
    },
    {
      code: 'HOLDFAST_WARN_HEADERS_TIMEOUT_OFF',
      targets: [target],
      msg: 'undiciOptions.headersTimeout: 0 (/a, /b). A backend that accepts requests and never answers holds a connection for each of them, until the clients give up. Give undiciOptions.headersTimeout more than the slowest answer takes, or the route a totalTimeout. Set by HEADERS_TIMEOUT_MS. Variables: TOTAL_TIMEOUT_MS.'
    },
    {
      code: 'HOLDFAST_WARN_ONE_CONNECTION',
      targets: [target],
      msg: 'undiciOptions.connections: 1 (/a, /b). One request at a time: a slow answer on any of the routes holds up all of them. Give it as many as the backend serves at once, or leave it out. Set by CONNECTIONS.'
    },
    {
      code: 'HOLDFAST_WARN_PLAIN_HTTP',
      targets: [target],
      msg: 'http://a.example.com. An attacker on the path can read and change requests, credentials included. Give an https: upstream. If the name leads into a private network, IGNORED_WARNINGS=plain-http. Set by UPSTREAMS.'
    },
    {
      code: 'HOLDFAST_WARN_TRUSTS_EVERYBODY',
      targets: ['server'],
      msg: 'trustProxy: true. Any client can claim any address, host and protocol in X-Forwarded-*; limits, logs and backends that use these headers believe it. Give trustProxy the addresses of the proxies in front, like 10.0.0.0/8. If only those can connect, IGNORED_WARNINGS=trusts-everybody. Set by TRUST_PROXY.'
    }
  ])
  t.same(lines.filter(({ level }) => level >= 40).length, 6)
})

t.test('a warning names no variable that is not set, or that the file of a route has overruled', async t => {
  const routes = routesFor(t, {
    [`own${EXTENSION}`]: `import { proxy } from ${JSON.stringify(new URL('../../plugins/proxy.js', import.meta.url).href)}
export default async app => {
  await app.register(proxy, { prefix: '/own', upstream: 'http://a.example.com', undiciOptions: { headersTimeout: 0 } })
}
`
  })
  for (const variables of [{}, { HEADERS_TIMEOUT_MS: '7000', UPSTREAMS: '/b=http://127.0.0.1:1' }]) {
    const { lines } = await started(t, { routes, variables })
    const of = (code: string): string | undefined => lines.find(line => line['code'] === code)?.msg
    t.match(of('HOLDFAST_WARN_HEADERS_TIMEOUT_OFF'), /or the route a totalTimeout\. Variables: TOTAL_TIMEOUT_MS\.$/)
    t.match(of('HOLDFAST_WARN_PLAIN_HTTP'), /IGNORED_WARNINGS=plain-http\.$/)
  }
})

t.test('a rule that many targets break is one line, and an ignored rule is none', async t => {
  const UPSTREAMS = Array.from({ length: 8 }, (_, i) => `/${i}=http://h${i}.example.com`).join()
  const { lines } = await started(t, { variables: { UPSTREAMS, TRUST_PROXY: 'true', IGNORED_WARNINGS: 'trusts-everybody' } })
  const five = [0, 1, 2, 3, 4].map(i => `http://h${i}.example.com`)
  t.match(lines.filter(({ level }) => level >= 40), [{ code: 'HOLDFAST_WARN_PLAIN_HTTP', targets: [...five, 'and 3 more'], msg: `${five.join('; ')}; and 3 more. An attacker` }])
  t.equal(lines.filter(({ level }) => level >= 40).length, 1)
})

t.test('what cannot be ignored is refused', async t => {
  const cases = [
    ['plain-htp', 'is no rule; holdfast check --rules lists them'],
    ['keep-alive-off', 'is logged wherever its option is set, and cannot be ignored; leave it out']
  ] as const
  for (const [id, why] of cases) {
    await t.rejects(started(t, { variables: { UPSTREAMS: '/a=http://127.0.0.1:1', IGNORED_WARNINGS: `plain-http,${id}` } }), { name: 'EnvironmentError', message: `IGNORED_WARNINGS: "${id}" ${why}` })
  }
})

t.test('with ordinary settings there is no warning', async t => {
  const { lines } = await started(t, { variables: { UPSTREAMS: '/a=http://127.0.0.1:1,/b=https://b.example.com' } })
  t.same(lines.filter(({ level }) => level >= 40), [])
})

t.test('500 upstreams start and are routed', async t => {
  const UPSTREAMS = Array.from({ length: 500 }, (_, i) => `/service-${i}=http://127.0.0.1:${1_000 + i}/api`).join()
  const { lines } = await started(t, { variables: { UPSTREAMS } })
  t.equal(lines.filter(({ upstream }) => upstream !== undefined).length, 500)
})
