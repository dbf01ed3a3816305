import t, { type Test } from 'tap'
import { startBackend, type Backend, type BackendConnection } from '../../testing/backend.js'
import { certificates } from '../../testing/certificates.js'
import { type Receiver, rigFor } from './setup.js'

// Pauses once, at the first piece.
const pauseOnce = (): { data (receiver: Receiver): boolean } => {
  let paused = false
  return {
    data: () => {
      if (paused) return true
      paused = true
      return false
    }
  }
}

async function backendFor (t: Test, script: (connection: BackendConnection) => void): Promise<Backend> {
  const backend = await startBackend((_request, connection) => script(connection))
  t.teardown(() => backend.close())
  return backend
}

// The backend's FIN or RST is on its way. A request on another connection makes sure that it is read.
async function letArrive (backend: Backend, rig: ReturnType<typeof rigFor>): Promise<void> {
  await backend.waitFor(b => b.closes > 0)
  for (let i = 0; i < 5; i++) await rig.send({ path: '/probe' }).over
}

function closing (head: string, how: 'end' | 'reset'): (connection: BackendConnection) => void {
  let first = true
  return connection => {
    if (!first) return connection.reply({ body: 'probe' })
    first = false
    connection.write(`HTTP/1.1 200 OK\r\n${head}\r\nhello`)
    setImmediate(() => connection[how]())
  }
}

t.test('a FIN during the pause of a response that ends with its connection completes it on resume', async t => {
  const backend = await backendFor(t, closing('Connection: close\r\n', 'end'))
  const rig = rigFor(t, backend.url)
  const receiver = rig.send({}, pauseOnce())
  await letArrive(backend, rig)
  t.equal(receiver.finals, 0)
  receiver.resume()
  await receiver.over
  t.match(receiver, { body: 'hello', error: undefined, finals: 1 })
  await rig.until(({ counts }) => counts.active === 0)
})

t.test('a FIN during the pause of a fully received response does not fail it', async t => {
  const backend = await backendFor(t, closing('Content-Length: 5\r\n', 'end'))
  const rig = rigFor(t, backend.url)
  const receiver = rig.send({}, pauseOnce())
  await letArrive(backend, rig)
  receiver.resume()
  await receiver.over
  t.match(receiver, { body: 'hello', error: undefined, finals: 1 })
  await rig.until(({ closed }) => closed.length > 0)
  t.equal(rig.closed[0]!.id, rig.opened[0])
})

t.test('a response that is cut short while paused fails on resume', async t => {
  const backend = await backendFor(t, closing('Connection: close\r\nContent-Length: 50\r\n', 'end'))
  const rig = rigFor(t, backend.url)
  const receiver = rig.send({}, pauseOnce())
  await letArrive(backend, rig)
  receiver.resume()
  await receiver.over
  t.match(receiver, { body: 'hello', error: { code: 'HOLDFAST_ERR_CONNECTION_LOST' }, finals: 1 })
  t.same(rig.reasons, ['backend_active'])
})

t.test('a reset during the pause of a response that ends with its connection fails it', async t => {
  const backend = await backendFor(t, connection => connection.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello'))
  const rig = rigFor(t, backend.url)
  const receiver = rig.send({}, pauseOnce())
  await receiver.begun
  backend.connections[0]!.reset()
  await receiver.over
  t.match(receiver, { body: 'hello', error: { code: 'HOLDFAST_ERR_CONNECTION_LOST' }, finals: 1 })
  t.same(rig.reasons, ['backend_active'])
})

t.test('a reset that comes together with such a response fails it on resume', async t => {
  const backend = await backendFor(t, closing('Connection: close\r\n', 'reset'))
  const rig = rigFor(t, backend.url)
  const receiver = rig.send({}, pauseOnce())
  await letArrive(backend, rig)
  if (receiver.finals === 0) receiver.resume()
  await receiver.over
  t.match(receiver, { error: { code: 'HOLDFAST_ERR_CONNECTION_LOST' }, finals: 1 })
})

t.test('a paused response stops its backend from sending, and arrives whole after any number of pauses', async t => {
  const body = Buffer.alloc(32 * 1024 * 1024, 'x')
  for (const tls of [false, true]) {
    const { ca, server } = certificates()
    let flushed = false
    const backend = await startBackend((_request, { socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n')
      socket.end(body, () => { flushed = true })
    }, tls ? { tls: server } : {})
    t.teardown(() => backend.close())
    const rig = rigFor(t, backend.url, { undiciOptions: { connect: { ca } } })
    let size = 0
    let paused: (() => void) | undefined
    const firstPause = new Promise<void>(resolve => { paused = resolve })
    const receiver = rig.send({}, {
      data: receiver => {
        size += receiver.body.length
        receiver.body = ''
        if (paused !== undefined) {
          paused()
          paused = undefined
        } else {
          setImmediate(() => receiver.resume())
        }
        return false
      }
    })
    await firstPause
    // The buffers on both sides hold a few MB. Without the pause, all of the body would pass within 100 turns.
    for (let i = 0; i < 100; i++) await new Promise(setImmediate)
    t.notOk(flushed)
    receiver.resume()
    await receiver.over
    t.equal(size, body.length, tls ? 'over TLS' : 'over TCP')
    t.equal(receiver.finals, 1)
  }
})

t.test('a response can be resumed from within another one', async t => {
  const backend = await startBackend((request, connection) => {
    if (request.path === '/a') connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
    else connection.reply({ body: 'other' })
  }, { log: true })
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  const a = rig.send({ path: '/a' }, pauseOnce())
  await a.begun
  const b = rig.send({ path: '/b' }, { data: () => { a.resume(); return true } })
  await b.over
  t.match(b, { body: 'other', error: undefined })
  backend.connections[0]!.write('world')
  t.match(await a.over, { body: 'helloworld', error: undefined, finals: 1 })
})
