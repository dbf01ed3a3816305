import { once } from 'node:events'
import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import { proxy } from '../../src/index.js'
import type { ProxyOptions } from '../../src/index.js'
import { clientFor, gatewayFor } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'
import { handshake, nextMessage, refusal, webSocket, webSocketBackend } from '../../testing/websocket.js'

/** An app with `@fastify/websocket`, its own sockets, and WebSocket proxies to a backend that echoes and first sends its request's path. */
async function appFor (t: Test, order: 'before' | 'after', paths: string[], routes: Partial<ProxyOptions>[]): Promise<RunningGateway> {
  const backend = await webSocketBackend(t, { onSocket: (socket, { url }) => socket.send(`backend ${url}`) })
  const own = async (app: FastifyInstance): Promise<void> => {
    await app.register(websocket)
    await app.register(async scope => {
      for (const path of paths) scope.get(path, { websocket: true }, socket => socket.send(`own ${path}`))
    })
  }
  const proxies = routes.map(route => ({ upstream: backend.url, websocket: true, ...route }))
  if (order === 'before') return gatewayFor(t, { before: own, routes: proxies })
  return gatewayFor(t, {
    routes: [],
    async before (app) {
      for (const route of proxies) await app.register(proxy, route)
      await own(app)
    },
    gateway: false
  })
}

async function greeting (t: Test, url: string): Promise<string> {
  // The message may come with the 101.
  const socket = webSocket(t, url)
  const { data } = await nextMessage(socket)
  const closed = once(socket, 'close')
  socket.close()
  await closed
  return data.toString()
}

for (const order of ['before', 'after'] as const) {
  t.test(`the app's own sockets, declared ${order} a WebSocket proxy at /, are kept`, async t => {
    const { url } = await appFor(t, order, ['/chat', '/rooms/:id', '/files/*', '/'], [{ prefix: '/' }])
    for (const [path, greeted] of [
      ['/chat', 'own /chat'], ['/chat?x=1', 'own /chat'], ['/rooms/7', 'own /rooms/:id'], ['/files/a/b', 'own /files/*'], ['/', 'own /'],
      ['/other', 'backend /other'], ['/rooms', 'backend /rooms'], ['/rooms/7/x', 'backend /rooms/7/x'], ['/a%2Fb/c', 'backend /a%2Fb/c'], ['/chat/x?y', 'backend /chat/x?y']
    ] as const) t.equal(await greeting(t, url + path), greeted, path)
  })

  t.test(`the app's own sockets within a prefix, declared ${order} its proxy, are kept`, async t => {
    const { url } = await appFor(t, order, ['/api/chat', '/acme/app/*'], [{ prefix: '/api' }, { prefix: '/:tenant/app' }])
    for (const [path, greeted] of [
      ['/api/chat', 'own /api/chat'], ['/api/x', 'backend /x'], ['/api', 'backend /'], ['/api/', 'backend /'],
      ['/acme/app/x', 'own /acme/app/*'], ['/other/app/x', 'backend /x'], ['/other/app', 'backend /']
    ] as const) t.equal(await greeting(t, url + path), greeted, path)
  })
}

t.test('an upgrade for a route that is not upgradable does not go to the upgradable proxy around it', async t => {
  const { url, port } = await appFor(t, 'before', ['/chat'], [{ prefix: '/' }, { prefix: '/plain', websocket: false }])
  t.equal(await greeting(t, `${url}/chat`), 'own /chat')
  t.equal(await greeting(t, `${url}/x`), 'backend /x')
  // @fastify/websocket answers upgrades that match no route with a socket.
  const client = await clientFor(t, { port })
  client.write(handshake('/plain/x'))
  t.not((await client.response()).status, 502)
})

t.test('without other listeners an upgrade for an unknown path is refused like an ordinary request', async t => {
  const { url } = await appFor(t, 'before', [], [{ prefix: '/api' }])
  t.equal((await refusal(t, `${url}/other`)).status, 404)
})
