import t, { type Test } from 'tap'
import type { Backend, BackendConnection, BackendRequest } from '../../testing/backend.js'
import type { RawClient } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'
import type { GatewaySetup, RunningGateway } from '../../testing/gateway.js'

interface Setup extends RunningGateway {
  backend: Backend
  client: RawClient
  /** The paths of the backend's requests, in order. */
  asked: string[]
  /** Makes the backend answer the request for this path. */
  answer (path: string): void
}

/** A backend that answers when the test says so. */
async function setup (t: Test, before?: GatewaySetup['before']): Promise<Setup> {
  const asked: string[] = []
  const held = new Map<string, () => void>()
  const backend = await backendFor(t, ({ path }: BackendRequest, connection: BackendConnection) => {
    asked.push(path)
    held.set(path, () => connection.reply({ body: path }))
  })
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url }], before })
  return Object.assign(running, { backend, client: await clientFor(t, running), asked, answer: (path: string) => held.get(path)?.() })
}

const get = (path: string, ...lines: string[]): string => `GET ${path} HTTP/1.1\r\n${['Host: a', ...lines].join('\r\n')}\r\n\r\n`
const post = (path: string, ...lines: string[]): string => `POST ${path} HTTP/1.1\r\n${['Host: a', 'Content-Length: 1', ...lines].join('\r\n')}\r\n\r\nx`
/** Longer than an admitted request would need to reach the backend. */
const aWhile = async (): Promise<void> => await new Promise(resolve => setTimeout(resolve, 50))

t.test('an unsafe request starts when the requests before it have finished', async t => {
  const { client, backend, asked, answer } = await setup(t)
  client.write(get('/1') + post('/2') + post('/3') + get('/4'))
  await backend.waitFor(() => asked.length === 2)
  await aWhile()
  t.strictSame([...asked].sort(), ['/1', '/4'], 'a safe one does not wait')
  for (const path of ['/1', '/2', '/3']) {
    answer(path)
    t.equal((await client.response()).body.toString(), path)
    if (path !== '/3') await backend.waitFor(() => asked.length === (path === '/1' ? 3 : 4))
  }
  answer('/4')
  t.equal((await client.response()).body.toString(), '/4')
  t.strictSame(asked.slice(2), ['/2', '/3'])
})

t.test('many pipelined unsafe requests are answered in order, with one listener', async t => {
  const warnings: Error[] = []
  const warned = (warning: Error): void => { warnings.push(warning) }
  process.on('warning', warned)
  t.teardown(() => process.off('warning', warned))
  const backend = await backendFor(t, ({ path }, connection) => connection.reply({ body: path }))
  const client = await clientFor(t, await gatewayFor(t, { routes: [{ upstream: backend.url }] }))
  const paths = Array.from({ length: 50 }, (_, i) => `/${i}`)
  client.write(paths.map((path, i) => i % 7 === 3 ? get(path) : post(path)).join(''))
  for (const path of paths) t.equal((await client.response()).body.toString(), path)
  await aWhile()
  t.strictSame(warnings, [])
})

t.test('after an answer that closes the connection no unsafe request is started', async t => {
  const { client, backend, asked, answer } = await setup(t, app => {
    app.addHook('onSend', (request, reply, _payload, done) => {
      if (request.url === '/last') reply.header('connection', 'close')
      done()
    })
  })
  client.write(get('/last') + post('/2'))
  await backend.waitFor(() => asked.length === 1)
  answer('/last')
  t.equal((await client.response()).body.toString(), '/last')
  await client.ended
  await aWhile()
  t.strictSame(asked, ['/last'])
})

t.test('after a request that asks to close no request is started, and the request gets its answer', async t => {
  const { client, backend, asked, answer } = await setup(t)
  client.write(get('/1', 'Connection: close') + post('/2'))
  await backend.waitFor(() => asked.length === 1)
  answer('/1')
  t.equal((await client.response()).body.toString(), '/1')
  await client.ended
  t.strictSame(asked, ['/1'])
})

t.test('when the app drains, requests that wait behind an answer are not started', async t => {
  const { gateway, client, backend, asked, answer } = await setup(t)
  client.write(get('/1') + post('/2'))
  await backend.waitFor(() => asked.length === 1)
  const drained = gateway.drain()
  answer('/1')
  const { body, header } = await client.response()
  t.strictSame([body.toString(), header('connection')], ['/1', 'close'])
  await client.ended
  await drained
  t.strictSame(asked, ['/1'])
})

t.test('requests of a client that leaves are no longer held', async t => {
  const { client, backend, asked } = await setup(t)
  client.write(get('/1') + post('/2'))
  await backend.waitFor(() => asked.length === 1)
  client.destroy()
  await backend.waitFor(({ open }) => open === 0)
  await aWhile()
  t.strictSame(asked, ['/1'])
})

t.test('a refused request is answered after the requests before it', async t => {
  const { client, backend, asked, answer } = await setup(t)
  client.write(get('/1') + post('/2') + get('/3', 'Host: b') + get('/4') + post('/5'))
  await backend.waitFor(() => asked.length === 1)
  answer('/1')
  t.equal((await client.response()).body.toString(), '/1')
  await backend.waitFor(() => asked.length === 2)
  answer('/2')
  t.equal((await client.response()).body.toString(), '/2')
  t.equal((await client.response()).status, 400)
  await client.ended
  t.strictSame(asked, ['/1', '/2'])
})

t.test('invalid bytes are answered after the requests before them', async t => {
  for (const [what, broken, status] of [
    ['nonsense', 'nonsense\r\n\r\n', 400], ['another version', 'GET / HTTP/1.2\r\n\r\n', 505], ['a broken chunk', 'POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n', 400]
  ] as const) {
    const { client, backend, asked, answer } = await setup(t)
    client.write(get('/1') + post('/2') + broken)
    await backend.waitFor(() => asked.length === 1)
    answer('/1')
    t.equal((await client.response()).body.toString(), '/1', what)
    await backend.waitFor(() => asked.length === 2)
    answer('/2')
    t.equal((await client.response()).body.toString(), '/2', what)
    t.equal((await client.response()).status, status, what)
    await client.ended
    t.strictSame(asked, ['/1', '/2'], what)
  }
})

t.test('at most four requests of one connection run at once, safe ones too, and each answer admits one more', async t => {
  const { client, backend, asked, answer } = await setup(t)
  const paths = Array.from({ length: 12 }, (_, i) => `/${i}`)
  client.write(paths.map(path => get(path)).join(''))
  // Requests are held and answered in the order of the client, whatever the order of the backends' answers.
  for (let first = 0; first < paths.length; first += 4) {
    await backend.waitFor(() => asked.length === first + 4)
    await aWhile()
    t.strictSame(asked.slice(first).sort(), paths.slice(first, first + 4).sort())
    for (const path of paths.slice(first, first + 4).reverse()) answer(path)
    for (const path of paths.slice(first, first + 4)) t.equal((await client.response()).body.toString(), path)
  }
})

t.test('an unsafe request is admitted in order among the four', async t => {
  const { client, backend, asked, answer } = await setup(t)
  client.write(get('/1') + get('/2') + post('/3') + get('/4') + get('/5') + get('/6') + post('/7'))
  await backend.waitFor(() => asked.length === 4)
  t.strictSame([...asked].sort(), ['/1', '/2', '/4', '/5'])
  for (const path of ['/4', '/5', '/1', '/2']) answer(path)
  for (const path of ['/1', '/2']) t.equal((await client.response()).body.toString(), path)
  await backend.waitFor(() => asked.length === 6)
  t.strictSame(asked.slice(4).sort(), ['/3', '/6'])
  for (const path of ['/6', '/3']) answer(path)
  for (const path of ['/3', '/4', '/5', '/6']) t.equal((await client.response()).body.toString(), path)
  await backend.waitFor(() => asked.length === 7)
  answer('/7')
  t.equal((await client.response()).body.toString(), '/7')
})

t.test('a hook that is slower for one request than for the next changes no order', async t => {
  const { client, backend, asked, answer } = await setup(t, app => {
    app.addHook('onRequest', async request => { if (request.url === '/2') await aWhile() })
  })
  client.write(get('/1') + post('/2') + post('/3'))
  await backend.waitFor(() => asked.length === 1)
  await aWhile()
  await aWhile()
  for (const path of ['/1', '/2', '/3']) {
    await backend.waitFor(() => asked.includes(path))
    answer(path)
    t.equal((await client.response()).body.toString(), path)
  }
})
