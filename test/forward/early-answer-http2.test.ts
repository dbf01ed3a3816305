import { once } from 'node:events'
import { connect } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { gateway, proxy } from '../../src/index.js'
import { backendFor, captureLog, until } from '../../testing/gateway.js'
import type { LogLine } from '../../testing/gateway.js'

// The deadline is longer than the test, so that nothing can depend on it.
async function setup (t: Test): Promise<{ app: FastifyInstance, url: string, log: LogLine[], sessions: Set<object> }> {
  const backend = await backendFor(t, () => {})
  await backend.close()
  const { stream, lines: log } = captureLog()
  const app = Fastify({ http2: true, logger: { level: 'error', stream } } as object) as unknown as FastifyInstance
  t.teardown(() => app.close())
  const sessions = new Set<object>()
  app.server.on('session', session => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
  await app.register(gateway, { drain: { deadline: 60_000 }, pressure: false })
  await app.register(proxy, { upstream: backend.url })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, log, sessions }
}

function sessionFor (t: Test, url: string): ClientHttp2Session {
  const session = connect(url).on('error', () => {})
  t.teardown(() => session.destroy())
  return session
}

/** Begins an endless upload, and resolves to the status of its answer. */
async function upload (session: ClientHttp2Session): Promise<number> {
  const stream = session.request({ ':path': '/', ':method': 'POST' }).on('error', () => {})
  stream.write('x'.repeat(100_000))
  const [headers] = await once(stream, 'response') as [Record<string, unknown>]
  stream.resume()
  return headers[':status'] as number
}

t.test('uploads that continue after their 502 keep neither their session nor the app open', async t => {
  const { app, url } = await setup(t)
  const statuses = await Promise.all(Array.from({ length: 20 }, async () => await upload(sessionFor(t, url))))
  t.ok(statuses.every(status => status === 502), String(statuses))
  await app.close()
})

for (const how of ['destroy', 'close'] as const) {
  t.test(`a session that its client ends by ${how}() after an early 502 is gone, and the process lives`, async t => {
    const { url, sessions } = await setup(t)
    const all = Array.from({ length: 10 }, () => sessionFor(t, url))
    await Promise.all(all.map(async session => {
      t.equal(await upload(session), 502)
      session[how]()
    }))
    await until(() => sessions.size === 0)
    t.equal(await upload(sessionFor(t, url)), 502)
  })
}
