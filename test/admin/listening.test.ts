import dns from 'node:dns'
import { once } from 'node:events'
import http, { createServer } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { gateway, getGateway } from '../../src/index.js'
import type { AdminOptions } from '../../src/index.js'
import { certificates } from '../../testing/certificates.js'
import { request } from '../../testing/client.js'
import { backendFor, captureLog } from '../../testing/gateway.js'
import type { LogLine } from '../../testing/gateway.js'

const LOOPBACK = '127.0.0.1'
const NOWHERE = { port: 0, host: LOOPBACK }

interface Unstarted { app: FastifyInstance, log: LogLine[] }

/** An app with an admin surface, which does not listen yet. Its plugins are loaded when it gets ready. */
function appFor (t: Test, admin: Partial<AdminOptions> = {}, fastify: object = {}): Unstarted {
  const { stream, lines: log } = captureLog()
  const app = Fastify({ ...fastify, logger: { level: 'info', stream } }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  app.register(gateway, { pressure: false, drain: { deadline: 200 }, admin: { port: 0, ...admin } })
  return { app, log }
}

/** A port that is free: it was listened on a moment ago. */
async function freePort (): Promise<number> {
  const server = createServer().listen(0, LOOPBACK)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function takenPort (t: Test): Promise<number> {
  return (await backendFor(t, () => {})).port
}

async function isOpen (port: number): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect(port, LOOPBACK, () => {
      socket.destroy()
      resolve(true)
    }).on('error', () => resolve(false))
  })
}

function errors (log: readonly LogLine[]): LogLine[] {
  return log.filter(({ level }) => level >= 50)
}

/** The message of Node's error, which the log adds. */
function inUse (port: number): string {
  return `listen EADDRINUSE: address already in use ${LOOPBACK}:${port}`
}

/** What the admin surface answers to a request that is sent at once. */
async function asked (app: FastifyInstance): Promise<number> {
  return (await request(`${getGateway(app).admin!.url}/api/targets`)).status
}

t.test('it answers as soon as listen() has resolved', async t => {
  for (let nth = 0; nth < 20; nth++) {
    const { app } = appFor(t)
    // Fastify gets ready within `listen`.
    if (nth % 2 === 0) await app.ready()
    await app.listen(NOWHERE)
    t.equal(await asked(app), 200)
    await app.close()
  }
})

t.test('it answers when the callback of listen is called', async t => {
  for (let nth = 0; nth < 20; nth++) {
    const { app } = appFor(t)
    if (nth % 2 === 0) await app.ready()
    await new Promise<void>((resolve, reject) => {
      app.listen(NOWHERE, error => {
        if (error !== null) return reject(error)
        asked(app).then(status => { t.equal(status, 200) }).then(resolve, reject)
      })
    })
    await app.close()
  }
})

t.test('it answers when listen() has resolved for localhost, where Fastify opens two servers', async t => {
  const { lookup } = dns
  t.teardown(() => { dns.lookup = lookup })
  // On some machines localhost has one address only.
  const two = (name: string, options: object, callback: (error: null, addresses: dns.LookupAddress[]) => void): void => {
    if (name === 'localhost' && 'all' in options && options.all === true) callback(null, [{ address: LOOPBACK, family: 4 }, { address: '127.0.0.2', family: 4 }])
    else Reflect.apply(lookup, dns, [name, options, callback])
  }
  dns.lookup = two as typeof dns.lookup
  for (let nth = 0; nth < 5; nth++) {
    const { app } = appFor(t)
    await app.listen({ port: 0, host: 'localhost' })
    t.equal(await asked(app), 200)
    t.equal(app.addresses().length, 2)
    await app.close()
  }
})

t.test('it answers when an app listens over HTTP/2, over TLS, and on a server of its own', async t => {
  const { server: { cert, key } } = await certificates()
  const servers = [{ http2: true }, { https: { cert, key } }, { serverFactory: (handler: http.RequestListener) => createServer(handler) }]
  for (const fastify of servers) {
    const { app } = appFor(t, {}, fastify)
    await app.listen(NOWHERE)
    t.equal(await asked(app), 200, Object.keys(fastify).join())
    await app.close()
  }
})

t.test('it opens for an app whose server is asked to listen directly', async t => {
  const { app } = appFor(t)
  await app.ready()
  app.server.listen(0, LOOPBACK)
  await once(app.server, 'listening')
  t.equal(await asked(app), 200)
})

t.test('it opens just after an app that listens without the method of its server', async t => {
  const { app } = appFor(t)
  await app.ready()
  app.server.listen = http.Server.prototype.listen
  const listens = new Promise<void>(resolve => { app.log.info = ((_fields: unknown, message?: string) => { if (message === 'the admin surface listens') resolve() }) as typeof app.log.info })
  await app.listen(NOWHERE)
  await listens
  t.equal(await asked(app), 200)
})

t.test('ready() and inject() open no port', async t => {
  const port = await freePort()
  const { app, log } = appFor(t, { port })
  await app.ready()
  t.equal((await app.inject('/api/targets')).statusCode, 404)
  t.equal(getGateway(app).admin, undefined)
  t.equal(await isOpen(port), false)
  t.same(log.filter(({ msg }) => msg === 'the admin surface listens'), [])
})

t.test('a port in use is logged, and clients are still served', async t => {
  const port = await takenPort(t)
  const { app, log } = appFor(t, { port })
  const url = await app.listen(NOWHERE)
  t.equal(getGateway(app).admin, undefined)
  t.match(errors(log), [{ msg: 'the admin surface cannot listen', host: LOOPBACK, port, err: { code: 'HOLDFAST_ERR_OPTION', message: String } }])
  const { message } = errors(log)[0]!.err!
  t.equal(message, `admin.port: ${port} is in use already; stop the process that listens there, or give another port: ${inUse(port)}`)
  t.equal((await request(`${url}/nothing`)).status, 404)
  t.equal(errors(log).length, 1, 'it is tried once')
})

t.test('a host that is not this machine\'s is logged', async t => {
  const { app, log } = appFor(t, { host: '192.0.2.1', token: '0123456789abcdef' })
  await app.listen(NOWHERE)
  const message = 'admin.host: "192.0.2.1" is no address of this machine; give one of its addresses, or 0.0.0.0 for all of them'
  // Pino adds the message of the cause.
  t.match(errors(log), [{ err: { message: `${message}: listen EADDRNOTAVAIL` } }])
})

t.test('where it is required, listen() rejects without it, and serves no client', async t => {
  const port = await takenPort(t)
  const { app, log } = appFor(t, { port, required: true })
  const message = `admin.port: ${port} is in use already; stop the process that listens there, or give another port`
  await t.rejects(app.listen(NOWHERE), { code: 'HOLDFAST_ERR_OPTION', message, cause: { code: 'EADDRINUSE' } })
  t.equal(app.server.listening, false)
  t.same(log, [])
  const told = await new Promise(resolve => { app.listen(NOWHERE, error => resolve(error)) })
  t.match(told, { code: 'HOLDFAST_ERR_OPTION', message }, 'a callback gets the error')
})

t.test('the port of the app itself is named', async t => {
  const port = await freePort()
  const message = `admin.port: ${port} is the port of the app itself; give the admin surface a port of its own`
  const { app, log } = appFor(t, { port })
  await app.listen({ port, host: LOOPBACK })
  t.match(errors(log), [{ msg: 'the admin surface cannot listen', err: { message } }])
  t.equal(getGateway(app).admin, undefined)
  await app.close()
  const strict = appFor(t, { port, required: true })
  await t.rejects(strict.app.listen({ port, host: LOOPBACK }), { message })
})

t.test('the port of the app on another address is no port of the app', async t => {
  const port = await freePort()
  const { app } = appFor(t, { port, required: true })
  await app.listen({ port, host: '127.0.0.2' })
  t.equal(getGateway(app).admin?.url, `http://${LOOPBACK}:${port}`)
  t.equal(await asked(app), 200)
  for (const host of ['0.0.0.0', '::', 'localhost', LOOPBACK]) {
    const strict = appFor(t, { port, required: true })
    await t.rejects(strict.app.listen({ port, host }), { message: /is the port of the app itself/ }, host)
  }
})

t.test('where the app cannot listen, it closes, and opens again with the next listen()', async t => {
  const port = await freePort()
  const { app } = appFor(t, { port })
  await t.rejects(app.listen({ port: await takenPort(t), host: LOOPBACK }), { code: 'EADDRINUSE' })
  await t.rejects(app.listen({ port: 70_000, host: LOOPBACK }), { code: 'ERR_SOCKET_BAD_PORT' })
  await app.listen(NOWHERE)
  t.equal(getGateway(app).admin?.url, `http://${LOOPBACK}:${port}`)
  t.equal(await asked(app), 200)
  await app.close()
  t.equal(await isOpen(port), false)
})

t.test('a second listen() is refused, and it stays open', async t => {
  const { app } = appFor(t)
  await app.listen(NOWHERE)
  await t.rejects(app.listen(NOWHERE), { code: 'FST_ERR_REOPENED_SERVER' })
  t.equal(await asked(app), 200)
})

t.test('a server that is asked twice to listen, while it opens, throws as Node\'s does', async t => {
  const { app } = appFor(t)
  await app.ready()
  app.server.listen(0, LOOPBACK)
  t.throws(() => app.server.listen(0, LOOPBACK), { code: 'ERR_SERVER_ALREADY_LISTEN' })
  await once(app.server, 'listening')
  t.throws(() => app.server.listen(0, LOOPBACK), { code: 'ERR_SERVER_ALREADY_LISTEN' })
  t.equal(await asked(app), 200)
})

t.test('a server that was closed by itself can listen again, and then the app leaves nothing open', async t => {
  const port = await freePort()
  const { app, log } = appFor(t, { port })
  await app.listen(NOWHERE)
  for (let nth = 0; nth < 3; nth++) {
    await new Promise(resolve => app.server.close(resolve))
    await new Promise<void>(resolve => { app.server.listen(0, LOOPBACK, resolve) })
    t.equal(getGateway(app).admin?.url, `http://${LOOPBACK}:${port}`)
    t.equal(await asked(app), 200)
  }
  await app.close()
  t.equal(await isOpen(port), false)
  t.same(errors(log), [])
})

t.test('a server that is closed while it opens does not listen, and may be asked again at once', async t => {
  const port = await freePort()
  const { app, log } = appFor(t, { port })
  await app.ready()
  app.server.listen(0, LOOPBACK, () => t.fail('it listens'))
  const closed = new Promise(resolve => app.server.close(resolve))
  app.server.listen(0, LOOPBACK)
  t.equal(await closed, undefined, 'no error')
  await once(app.server, 'listening')
  t.equal(await asked(app), 200)
  await app.close()
  t.equal(await isOpen(port), false)
  t.same(errors(log), [])
})

t.test('a server that is closed while it opens leaves nothing open', async t => {
  const port = await freePort()
  const { app, log } = appFor(t, { port })
  await app.ready()
  const listens = new Promise<void>(resolve => {
    const { info } = app.log
    app.log.info = ((...args: [object, string]) => {
      Reflect.apply(info, app.log, args)
      if (args[1] === 'the admin surface listens') resolve()
    }) as typeof app.log.info
  })
  app.server.listen(0, LOOPBACK)
  app.server.close()
  await listens
  while (getGateway(app).admin !== undefined || await isOpen(port)) await new Promise(resolve => setImmediate(resolve))
  t.equal(app.server.listening, false)
  t.same(errors(log), [])
})

t.test('a port that cannot be is refused at once, as by Node', async t => {
  const { app, log } = appFor(t)
  await app.ready()
  const plain = createTcpServer()
  for (const given of [70_000, -1, 1.5, NaN, '70000', '', { port: 70_000 }, { port: 'x' }, { port: ' ' }]) {
    for (const server of [plain, app.server]) {
      const listen = server.listen.bind(server) as (given: unknown) => void
      t.throws(() => listen(given), { code: 'ERR_SOCKET_BAD_PORT' }, JSON.stringify(given))
    }
  }
  Reflect.apply(app.server.listen, app.server, ['0', LOOPBACK])
  await once(app.server, 'listening')
  t.equal(log.filter(({ msg }) => msg === 'the admin surface listens').length, 1)
})

t.test('a signal that is aborted while it opens rejects listen(), and leaves nothing open', async t => {
  const port = await freePort()
  const { app, log } = appFor(t, { port })
  await app.ready()
  const abort = new AbortController()
  const { listen } = app.server
  app.server.listen = function (this: typeof app.server, ...args: []) {
    setImmediate(() => abort.abort())
    return Reflect.apply(listen, this, args)
  } as typeof listen
  const error = { code: 'ERR_SERVER_NOT_RUNNING', message: 'The server was closed before it listened' }
  await t.rejects(app.listen({ ...NOWHERE, signal: abort.signal }), error)
  await app.close()
  t.equal(await isOpen(port), false)
  t.equal(app.server.listening, false)
  t.same(errors(log), [])
})

t.test('an app that closes while its server is asked directly emits no error, as Node', async t => {
  const port = await freePort()
  const { app, log } = appFor(t, { port })
  await app.ready()
  app.server.listen(0, LOOPBACK)
  // Without a listener, an 'error' would be thrown.
  await app.close()
  t.equal(await isOpen(port), false)
  t.equal(app.server.listening, false)
  t.same(errors(log), [])
})

t.test('an app that closes while it opens leaves nothing open', async t => {
  // In turns of the event loop from the call of `listen`.
  for (const turns of [0, 1, 2, 4, 8, 16]) {
    const port = await freePort()
    const { app, log } = appFor(t, { port })
    await app.ready()
    const listened = app.listen(NOWHERE).then(() => 'listened', (error: unknown) => (error as NodeJS.ErrnoException).code)
    for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve))
    await app.close()
    t.match(await listened, /^(?:listened|ERR_SERVER_NOT_RUNNING)$/)
    t.equal(getGateway(app).admin, undefined, `after ${turns} turns`)
    t.equal(await isOpen(port), false)
    t.equal(app.server.listening, false)
    t.same(errors(log), [])
  }
})

t.test('an app that has closed opens nothing', async t => {
  const port = await freePort()
  const { app } = appFor(t, { port })
  await app.ready()
  await app.close()
  // Fastify lets a closed app listen.
  await app.listen(NOWHERE)
  t.equal(await isOpen(port), false)
  app.server.close()
})
