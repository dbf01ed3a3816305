// What src/quirks/fastify-listen.ts relies on of Fastify, asked of Fastify alone.
import { Server } from 'node:net'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'

const NOWHERE = { port: 0, host: '127.0.0.1' }

/** An app whose server notes what its `listen` is given, and does not listen by itself. */
function appFor (t: Test): { app: FastifyInstance, given: unknown[], events: string[] } {
  const app = Fastify()
  const given: unknown[] = []
  const events: string[] = []
  t.teardown(() => app.close())
  app.server.listen = function (this: Server, options: unknown) {
    given.push(options)
    events.push('asked')
    return this
  } as typeof app.server.listen
  app.addHook('onReady', async () => { events.push('ready') })
  app.addHook('onListen', async () => { events.push('onListen') })
  return { app, given, events }
}

async function turn (): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

t.test('listen() gets the app ready, and calls listen of its server with the options', async t => {
  const { app, given, events } = appFor(t)
  const listened = app.listen({ port: 4321, host: '127.0.0.1' }).then(() => { events.push('resolved') })
  while (given.length === 0) await turn()
  t.same(events, ['ready', 'asked'])
  t.match(given, [{ port: 4321, host: '127.0.0.1' }])
  Server.prototype.listen.call(app.server, NOWHERE)
  await listened
  await turn()
  t.same(events, ['ready', 'asked', 'onListen', 'resolved'])
})

t.test('with a callback too, which is called at \'listening\', before onListen hooks', async t => {
  const { app, given, events } = appFor(t)
  const called = new Promise<void>((resolve, reject) => {
    app.listen({ ...NOWHERE }, error => {
      events.push('called')
      if (error === null) resolve()
      else reject(error)
    })
  })
  while (given.length === 0) await turn()
  await turn()
  t.same(events, ['ready', 'asked'])
  Server.prototype.listen.call(app.server, NOWHERE)
  await called
  await turn()
  t.same(events, ['ready', 'asked', 'called', 'onListen'])
})

t.test('an \'error\' of the server rejects listen(), and goes to its callback', async t => {
  const error = new Error('no')
  const first = appFor(t)
  const listened = first.app.listen(NOWHERE)
  while (first.given.length === 0) await turn()
  first.app.server.emit('error', error)
  await t.rejects(listened, error)
  const second = appFor(t)
  const called = new Promise(resolve => { second.app.listen({ ...NOWHERE }, resolve) })
  while (second.given.length === 0) await turn()
  second.app.server.emit('error', error)
  t.equal(await called, error)
})

t.test('after an error the app can listen again', async t => {
  const { app, given } = appFor(t)
  const listened = app.listen(NOWHERE)
  while (given.length === 0) await turn()
  app.server.emit('error', new Error('no'))
  await t.rejects(listened)
  app.server.listen = Server.prototype.listen as typeof app.server.listen
  await app.listen(NOWHERE)
  t.ok((app.server.address() as AddressInfo).port > 0)
})

t.test('ready() and inject() do not call it', async t => {
  const { app, given } = appFor(t)
  await app.ready()
  await app.inject('/')
  t.same(given, [])
})

t.test('a preClose hook runs before the server is closed', async t => {
  const app = Fastify()
  let listening: boolean | undefined
  app.addHook('preClose', async () => { listening = app.server.listening })
  await app.listen(NOWHERE)
  await app.close()
  t.equal(listening, true)
  t.equal(app.server.listening, false)
})
