// What src/quirks/fastify-servers.ts relies on of Fastify, asked of Fastify alone. By a look-up of the test, `localhost` has two addresses.
import dns from 'node:dns'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'

// Of loopback, any address is this machine's.
const [FIRST, SECOND] = ['127.0.0.1', '127.0.0.2']

function bindings (app: FastifyInstance): Server[] | undefined {
  const key = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.serverBindings')
  return key === undefined ? undefined : Reflect.get(app, key) as Server[]
}

async function listening (t: Test, app: FastifyInstance): Promise<{ first: number, second: number }> {
  const { lookup } = dns
  t.teardown(() => { dns.lookup = lookup })
  dns.lookup = ((...given: unknown[]) => {
    if (given[0] !== 'localhost') return Reflect.apply(lookup, dns, given)
    const answered = given.at(-1) as (error: null, ...answer: unknown[]) => void
    const all = (given[1] as { all?: boolean }).all === true
    process.nextTick(() => all ? answered(null, [{ address: FIRST, family: 4 }, { address: SECOND, family: 4 }]) : answered(null, FIRST, 4))
  }) as typeof lookup
  t.teardown(() => app.close())
  await app.listen({ port: 0, host: 'localhost' })
  const [other] = bindings(app) ?? []
  return { first: (app.server.address() as AddressInfo).port, second: (other?.address() as AddressInfo | undefined)?.port ?? 0 }
}

async function asked (t: Test, port: number, host: string, head: string): Promise<Socket> {
  const socket = connect(port, host)
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  socket.on('error', () => {}).write(head)
  return socket
}

t.test('the servers beside the first are listed under a symbol of the app, from the first onListen hook on', async t => {
  const app = Fastify()
  let listed: number | undefined
  app.addHook('onListen', done => {
    listed = bindings(app)?.length
    done()
  })
  t.same(bindings(app), [])
  const { second } = await listening(t, app)
  t.equal(listed, 1)
  t.ok(second > 0)
})

t.test('a scope reads the list of its app', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  let made: FastifyInstance | undefined
  await app.register(async scope => { made = scope as FastifyInstance })
  const key = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.serverBindings')!
  t.ok(Reflect.get(made!, key) === bindings(app))
})

t.test("an 'upgrade' of another server is emitted on the first one", async t => {
  const app = Fastify()
  const seen: boolean[] = []
  app.server.on('upgrade', (_request, socket: Socket & { server?: Server }) => {
    seen.push(socket.server === app.server)
    socket.destroy()
  })
  const { first, second } = await listening(t, app)
  for (const [port, host] of [[first, FIRST], [second, SECOND]] as const) {
    const socket = await asked(t, port, host, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
    socket.resume()
    await once(socket, 'close')
  }
  t.strictSame(seen, [true, false])
})

t.test('the other servers are stopped when the first one has closed, and an app does not wait for their requests', async t => {
  const app = Fastify()
  let answer = (): void => {}
  const begun = new Promise<void>(resolve => {
    app.get('/', async () => {
      resolve()
      await new Promise<void>(resolve => { answer = resolve })
      return 'late'
    })
  })
  const { second } = await listening(t, app)
  const socket = await asked(t, second, SECOND, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  let text = ''
  socket.on('data', (chunk: Buffer) => { text += chunk.toString() })
  await begun
  const [other] = bindings(app)!
  await app.close()
  t.equal(other!.listening, false)
  t.equal(text, '')
  answer()
  while (!text.includes('late')) await once(socket, 'data')
  t.pass('it is answered all the same')
})

t.test('close lets the requests that are under way finish', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  let answer = (): void => {}
  const begun = new Promise<void>(resolve => {
    app.get('/', async () => {
      resolve()
      await new Promise<void>(resolve => { answer = resolve })
      return 'late'
    })
  })
  await app.listen({ port: 0, host: FIRST })
  const { port } = app.server.address() as AddressInfo
  const socket = await asked(t, port, FIRST, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  let text = ''
  socket.on('data', (chunk: Buffer) => { text += chunk.toString() })
  await begun
  const closed = app.close()
  await new Promise(resolve => setTimeout(resolve, 50))
  answer()
  if (!socket.destroyed) await once(socket, 'close')
  t.match(text, /^HTTP\/1.1 200 OK\r\n[^]*late$/)
  await closed
})
