// The secrets of URLs in the lines of the microservice.
import t from 'tap'
import { backendFor, clientFor, until } from '../../testing/gateway.js'
import { request } from '../../testing/client.js'
import { lineOf, linesOf, microservice } from './logged-microservice.js'

t.test('no line of any level shows a secret of a URL, whatever wrote it', async t => {
  const route = `export default async app => {
    app.get('/throws', request => { throw new Error('cannot ask ' + request.url) })
    app.get('/logs', request => {
      request.log.info({ referer: request.headers.referer, url: request.url, list: [request.originalUrl] }, 'asked: "' + request.url + '"')
      return 'text'
    })
    app.get('/twice', (request, reply) => {
      reply.send('one')
      reply.send('two')
    })
    app.get('/slow', () => new Promise(() => {}))
  }\n`
  const service = await microservice(t, { route, level: 'trace' })
  const paths = ['/throws?token=hu5h', '/logs?b=1&api_key=hu5h', '/twice?password=hu5h', '/nowhere?sig=hu5h', '/nowhere;jsessionid=hu5h', '/%zz?key=hu5h', '/health/live?access_token=hu5h', '/throws?next=https%3A%2F%2Fh%2F%3Fcode%3Dhu5h']
  for (const path of paths) await request(service.url + path, { headers: { referer: 'https://shop.example/?token=hu5h', 'user-agent': 'x?token=hu5h' } })
  const client = await clientFor(t, service)
  client.write('GET /slow?X-Amz-Signature=hu5h HTTP/1.1\r\nHost: a\r\n\r\n')
  const broken = await clientFor(t, service)
  broken.write('GET /?token=hu5h HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n')
  await broken.ended
  client.destroy()
  await linesOf(service, paths.length + 2)
  const text = service.text()
  for (const shown of ['/throws?token=***', '/logs?b=1&api_key=***', '/twice?password=***', '/nowhere?sig=***', '/nowhere;jsessionid=***', '/%zz?key=***', 'access_token=***', '%3Fcode%3D***', 'X-Amz-Signature=***', 'https://shop.example/?token=***']) t.ok(text.includes(shown), shown)
  t.ok(service.lines().some(({ msg }) => msg === 'client error'), 'Fastify tells of the broken request')
  t.notMatch(text, 'hu5h')
  // The packet of a broken request would be there as numbers.
  t.notMatch(text, [...Buffer.from('hu5h')].join(','))
})

t.test('LOG_MASK adds names and takes out names, and false masks nothing', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply())
  const cases: [mask: string, url: string][] = [
    ['', '/?token=***&ssn=2&code=***'], ['ssn,!code', '/?token=***&ssn=***&code=3'], ['false', '/?token=1&ssn=2&code=3']
  ]
  for (const [mask, url] of cases) {
    const service = await microservice(t, { upstream: backend.url, variables: { LOG_MASK: mask } })
    await request(`${service.url}/?token=1&ssn=2&code=3`)
    t.match(await lineOf(service), { url }, mask)
    await service.app.close()
  }
})

t.test('the backend and the client get what the log does not show', async t => {
  const seen: string[] = []
  const backend = await backendFor(t, ({ path }, connection) => {
    seen.push(path)
    connection.reply()
  })
  const service = await microservice(t, { upstream: backend.url })
  await request(`${service.url}/?token=secret`)
  t.same(seen, ['/?token=secret'])
})

t.test('the host and the user agent are as the client sent them, but for a password, and are bounded', async t => {
  const route = `export default async app => {
    app.addHook('onRequest', async request => { request.raw.headers['user-agent'] = 'of a hook' })
    app.get('/', () => 'text')
  }\n`
  const service = await microservice(t, { route, variables: { TRUST_PROXY: 'true' } })
  const cases: [lines: string, expected: object][] = [
    ['Host: shop.example:8080\r\nUser-Agent: a "b" \t\\c\r\nX-Forwarded-Host: other.example\r\n', { host: 'shop.example:8080', userAgent: 'a "b" \t\\c' }],
    [`Host: a\r\nUser-Agent: ${'x'.repeat(513)}\r\n`, { host: 'a', userAgent: `${'x'.repeat(512)}…` }],
    [`Host: a\r\nUser-Agent: ${'x'.repeat(512)}\r\n`, { host: 'a', userAgent: 'x'.repeat(512) }],
    ['Host: \r\n', { host: '', userAgent: undefined }],
    ['Host: user:hu5h@a\r\n', { host: 'user:***@a', status: 400 }],
    [`Host: user:${'x'.repeat(600)}@a\r\n`, { host: 'user:***@a', status: 400 }]
  ]
  let seen = 0
  for (const [lines, expected] of cases) {
    const client = await clientFor(t, service)
    client.write(`GET / HTTP/1.1\r\n${lines}\r\n`)
    await client.response()
    t.match((await linesOf(service, ++seen)).at(-1), expected)
  }
  const old = await clientFor(t, service)
  old.write('GET / HTTP/1.0\r\n\r\n')
  await old.response()
  const line = (await linesOf(service, ++seen)).at(-1)!
  t.notOk('host' in line || 'userAgent' in line, 'what was not sent is not there')
})

t.test('requests of skipped paths are logged at debug, unless they fail', async t => {
  const seen = new Set<string>()
  const backend = await backendFor(t, ({ path }, connection) => {
    seen.add(path)
    if (path.startsWith('/assets/failing')) connection.reply({ status: 503 })
    else if (path === '/assets/cut') connection.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut')
    else if (path !== '/assets/left') connection.reply()
  })
  const variables = { LOG_SKIP_PATHS: '/ping,/assets/*' }
  const service = await microservice(t, { upstream: backend.url, variables })
  for (const path of ['/ping', '/ping?token=1', '/assets/a', '/assets/a/b?c=1', '/ping/', '/pings', '/assets', '/PING', '/p%69ng', '/assets/failing']) await request(service.url + path)
  const cutting = await clientFor(t, service)
  cutting.write('GET /assets/cut HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => seen.has('/assets/cut'))
  for (const connection of backend.connections) connection.end()
  await cutting.ended
  const leaving = await clientFor(t, service)
  leaving.write('GET /assets/left HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => seen.has('/assets/left'))
  leaving.destroy()
  t.same((await linesOf(service, 8)).map(({ level, msg, url }) => [level, msg, url]), [
    ...['/ping/', '/pings', '/assets', '/PING', '/p%69ng', '/assets/failing'].map(url => [30, 'request completed', url]),
    [40, 'response cut', '/assets/cut'], [30, 'client left', '/assets/left']
  ])

  const debugging = await microservice(t, { upstream: backend.url, variables, level: 'debug' })
  await request(`${debugging.url}/ping`)
  t.match(await lineOf(debugging), { level: 20, msg: 'request completed', url: '/ping' })
})
