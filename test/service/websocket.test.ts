import { once } from 'node:events'
import { join } from 'node:path'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { mkdtempSync, rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { WebSocketServer } from 'ws'
import { listening, routesFor } from './microservice.js'
import { startBackend } from '../../testing/backend.js'
import { request } from '../../testing/client.js'
import { nextMessage, refusal, webSocketBackend, webSocketFor } from '../../testing/websocket.js'
import { EXTENSION } from '../../testing/program.js'

async function echoed (t: Test, url: string): Promise<string> {
  const socket = await webSocketFor(t, url)
  const message = nextMessage(socket)
  socket.send('hello')
  return (await message).data.toString()
}

t.test('an upgrade becomes a tunnel, whichever scheme the upstream has, and other requests go to the same backend', async t => {
  const backend = await webSocketBackend(t)
  const { url } = await listening(t, { variables: { UPSTREAMS: `/http=${backend.url}/api,/ws=${backend.url.replace('http', 'ws')},/=${backend.url}` } })
  for (const path of ['/http/chat', '/ws/chat', '/chat']) t.equal(await echoed(t, url + path), 'hello', path)
  t.same(backend.upgrades.map(({ url }) => url), ['/api/chat', '/chat', '/chat'])
  t.match((await request(`${url}/ws/plain`)).body.toString(), '"url":"/plain"')
})

t.test('a unix socket takes requests and upgrades, below its path', async t => {
  // The path of a socket is short: the folder of a test is too long.
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'b.sock')
  const server = createServer((request, response) => response.end(request.url))
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, { url }) => socket.on('message', data => socket.send(`${url} ${String(data)}`)))
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => {
    for (const client of sockets.clients) client.terminate()
    server.close()
    server.closeAllConnections()
  })
  const upstream = `unix+http://${encodeURIComponent(path)}`
  const { url } = await listening(t, { variables: { UPSTREAMS: `/a=${upstream}/,/b=${upstream}/api` } })
  t.equal((await request(`${url}/a/x`)).body.toString(), '/x')
  t.equal((await request(`${url}/b/x`)).body.toString(), '/api/x')
  t.equal(await echoed(t, `${url}/a/x`), '/x hello')
  t.equal(await echoed(t, `${url}/b/x`), '/api/x hello')
})

t.test('a backend that answers an upgrade with a page has its page relayed', async t => {
  const backend = await startBackend((request, connection) => connection.reply({ body: `plain ${request.path}` }))
  t.teardown(() => backend.close())
  const { url } = await listening(t, { variables: { UPSTREAMS: `/=${backend.url}` } })
  const { status, body, closed } = await refusal(t, `${url}/chat`)
  t.same([status, body], [200, 'plain /chat'])
  await closed
  t.equal((await request(`${url}/next`)).body.toString(), 'plain /next')
})

t.test('WEBSOCKET=false makes an upgrade an ordinary request', async t => {
  const backend = await webSocketBackend(t)
  const { app, url } = await listening(t, { variables: { UPSTREAMS: `/=${backend.url}`, WEBSOCKET: 'false' } })
  const { status, body } = await refusal(t, `${url}/chat`)
  t.equal(status, 200)
  t.match(body, '"url":"/chat"')
  t.same(backend.upgrades, [])
  t.equal(app.server.listenerCount('upgrade'), 0)
})

t.test('an upstream at the root leaves the WebSockets of a route file alone', async t => {
  const backend = await webSocketBackend(t)
  const { url } = await listening(t, {
    variables: { UPSTREAMS: `/=${backend.url}` },
    routes: routesFor(t, {
      [`own${EXTENSION}`]: `import websocket from ${JSON.stringify(import.meta.resolve('@fastify/websocket'))}
export default async app => {
  await app.register(websocket)
  app.get('/own', { websocket: true }, socket => socket.on('message', () => socket.send('from the route file')))
}
`
    })
  })
  t.equal(await echoed(t, `${url}/own`), 'from the route file')
  t.equal(await echoed(t, `${url}/chat`), 'hello')
  t.same(backend.upgrades.map(({ url }) => url), ['/chat'])
})
