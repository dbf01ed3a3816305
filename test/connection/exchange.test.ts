import { once } from 'node:events'
import { channel } from 'node:diagnostics_channel'
import t, { type Test } from 'tap'
import { startBackend, type Backend, type BackendScript } from '../../testing/backend.js'
import { internalsOf } from '../../src/target/target.js'
import { rigFor } from './setup.js'

async function backendFor (t: Test, script: BackendScript): Promise<Backend> {
  const backend = await startBackend(script)
  t.teardown(() => backend.close())
  return backend
}

t.test('a response that must have no body ends with its head, whatever its fields say', async t => {
  for (const status of [204, 304]) {
    const backend = await backendFor(t, (_request, connection) => connection.write(`HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\n`))
    const rig = rigFor(t, backend.url)
    t.match(await rig.send().over, { status, body: '', error: undefined, finals: 1 })
    await rig.until(({ counts }) => counts.idle === 1)
    t.same(rig.reasons, [], 'and their connection is kept')
  }
})

t.test('a connection is kept after 204, 304 and HEAD', async t => {
  const backend = await backendFor(t, ({ path, method }, connection) => connection.reply({ status: Number(path.slice(1)), ...(method === 'HEAD' && { headers: { 'Content-Length': '5', Connection: 'keep-alive' } }) }))
  // At the bound of connections, since a connection rests before its next request.
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 } })
  for (const request of [{ path: '/204' }, { path: '/304' }, { method: 'HEAD' as const, path: '/200' }, { path: '/200' }]) {
    t.match(await rig.send(request).over, { error: undefined, finals: 1 })
    await rig.until(({ counts }) => counts.idle === 1)
  }
  t.equal(backend.accepted, 1)
})

t.test('a receiver that throws in any call gets one final call, and its connection closes once', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply({ body: 'hello' }))
  for (const where of ['head', 'data', 'end'] as const) {
    const rig = rigFor(t, backend.url)
    const receiver = rig.send({}, { [where]: () => { throw new Error(`thrown in ${where}`) } })
    await receiver.over
    // A receiver that throws at the end gets an error after it, as with undici.
    t.equal(receiver.error?.message, `thrown in ${where}`)
    t.match(await rig.send().over, { status: 200 })
    await rig.until(({ counts }) => counts.active === 0)
    t.equal(rig.closed.length + rig.counts.idle, rig.opened.length, `connections opened, closed and idle add up: ${where}`)
  }
})

t.test('the counts stay right when a receiver throws at the end', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply({ body: 'hello' }))
  const rig = rigFor(t, backend.url)
  const nothing = (): void => {}
  const call = internalsOf(rig.target).call({
    method: 'GET', path: '/', headers: [], body: null, upgrade: undefined, headersTimeout: undefined, bodyTimeout: undefined, idempotent: true, replayable: true, askClose: false
  }, { informed: nothing, responded: nothing, data: () => true, ended: () => { throw new Error('thrown') }, upgraded: nothing, failed: nothing, bodyWritten: nothing, requestWritten: nothing })
  const warned = once(process, 'warning')
  call.start()
  await rig.until(({ counts }) => counts.idle === 1)
  t.match(await warned, [{ message: 'thrown' }], 'and it is not lost')
  t.same(rig.closed, [], 'the response was whole')
  t.same(rig.counts, { active: 0, idle: 1, connecting: 0, pending: 0, upgraded: 0 })
})

t.test('a receiver that throws when its response resumes has abandoned it', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello'))
  const rig = rigFor(t, backend.url)
  const nothing = (): void => {}
  const failed = new Promise<Error>((resolve, reject) => {
    process.once('uncaughtException', reject)
    t.teardown(() => process.off('uncaughtException', reject))
    internalsOf(rig.target).call({
      method: 'GET', path: '/', headers: [], body: null, upgrade: undefined, headersTimeout: undefined, bodyTimeout: undefined, idempotent: true, replayable: true, askClose: false
    }, { informed: nothing, responded: nothing, data: () => true, goesOn: () => { throw new Error('thrown') }, ended: nothing, upgraded: nothing, failed: resolve, bodyWritten: nothing, requestWritten: nothing }).start()
  })
  t.match(await failed, { code: 'HOLDFAST_ERR_CLIENT_GONE', cause: { message: 'thrown' } })
  await rig.until(({ counts }) => counts.active === 0)
  t.same(rig.reasons, ['client_gone'])
})

t.test('after an abort at any stage nothing more is called, and the connection is not used again', async t => {
  const backend = await backendFor(t, ({ path }, connection) => {
    if (path === '/ok') connection.reply()
    else if (path !== '/silent') connection.write('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello')
  })
  const rig = rigFor(t, backend.url)
  const used = new Set<number>()
  const next = async (path: string): Promise<ReturnType<typeof rig.send>> => {
    await rig.send({ path: '/ok' }).over
    await rig.until(({ counts }) => counts.idle === 1 && counts.active === 0)
    const receiver = rig.send({ path })
    const { id } = rig.acquired.at(-1)!
    t.notOk(used.has(id), 'a connection that was aborted on is not used again')
    used.add(id)
    return receiver
  }
  // Before anything is written: undici waits one turn of the event loop before it writes on a used connection.
  const queued = await next('/never-sent')
  queued.abort()
  t.equal(queued.finals, 1)
  const { requests } = backend
  const silent = await next('/silent')
  await backend.waitFor(b => b.requests === requests + 2)
  silent.abort()
  const body = await next('/body')
  await body.begun
  body.abort()
  await rig.until(({ closed, counts }) => closed.length === 3 && counts.active === 0)
  t.same(rig.reasons, ['client_gone', 'client_gone', 'client_gone'])
  t.same([queued, silent, body].map(({ finals }) => finals), [1, 1, 1])
})

t.test('an abort while its connection is being made over to undici closes it', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply())
  const rig = rigFor(t, backend.url)
  rig.registry.observe({ acquired: () => queueMicrotask(() => receiver.abort()) })
  const receiver = rig.send()
  await rig.until(({ closed }) => closed.length === 1)
  await backend.waitFor(({ open, accepted }) => accepted === 1 && open === 0)
  t.same(rig.reasons, ['client_gone'])
  t.equal(receiver.finals, 1)
})

t.test('a late resume does not touch the next response on the same connection', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'))
  const rig = rigFor(t, backend.url)
  const first = rig.send()
  await first.begun
  backend.connections[0]!.write('world')
  await first.over
  await rig.until(({ counts }) => counts.idle === 1)
  const second = rig.send({}, { data: () => false })
  await second.begun
  first.resume()
  backend.connections[0]!.write('world')
  await rig.send({ path: '/elsewhere' }).begun
  t.match(second, { body: 'hello', finals: 0 })
})

t.test('a response of known length that ends its connection is over with its last byte, whatever follows, and this side closes', async t => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n'
  for (const pieces of [[`${head}hello`], [head, 'hello'], [`${head}h`, 'ell', 'o'], [`${head}hello, and more than was said`]]) {
    const backend = await backendFor(t, async (_request, connection) => {
      for (const piece of pieces) {
        connection.write(piece)
        await new Promise(resolve => setTimeout(resolve, 2))
      }
    })
    const rig = rigFor(t, backend.url)
    t.match(await rig.send().over, { status: 200, body: 'hello', error: undefined, finals: 1 })
    t.match(await rig.send({ method: 'POST', body: 'x' }).over, { status: 200, body: 'hello', error: undefined, finals: 1 })
    await backend.waitFor(({ open }) => open === 0)
    t.same(rig.reasons, ['connection_close', 'connection_close'])
    t.equal(backend.accepted, 2)
  }
})

t.test('a response that is cut short before its last byte is an error', async t => {
  const backend = await backendFor(t, (_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello')
    connection.end()
  })
  const rig = rigFor(t, backend.url)
  t.match(await rig.send().over, { status: 200, body: 'hello', error: { code: 'HOLDFAST_ERR_CONNECTION_LOST' }, finals: 1 })
  t.same(rig.reasons, ['backend_active'])
})

t.test('a response that ends its connection makes no error on undici\'s diagnostics channels', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply({ body: 'hello', headers: { Connection: 'close' } }))
  const rig = rigFor(t, backend.url)
  const told: unknown[] = []
  const hear = (message: unknown): void => { told.push(message) }
  const heard = channel('undici:request:error')
  heard.subscribe(hear)
  t.teardown(() => heard.unsubscribe(hear))
  t.match(await rig.send().over, { status: 200, body: 'hello', finals: 1 })
  await backend.waitFor(({ open }) => open === 0)
  t.same(told, [])
})
