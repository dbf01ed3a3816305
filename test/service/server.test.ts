import t, { type Test } from 'tap'
import { type Server, copy, start } from './server-process.js'
import { startBackend } from '../../testing/backend.js'
import type { Backend, BackendConnection } from '../../testing/backend.js'
import { request } from '../../testing/client.js'
import { EXTENSION } from '../../testing/program.js'

/** A server with a backend that answers when the test says so, and one request under way. */
async function withSlowRequest (t: Test, env: NodeJS.ProcessEnv = {}): Promise<{ server: Server, answered: ReturnType<typeof request>, backend: Backend, answer: () => void }> {
  let waiting: BackendConnection | undefined
  const backend = await startBackend((_request, connection) => { waiting = connection })
  t.teardown(() => backend.close())
  const server = start(t, { UPSTREAMS: `/=${backend.url}`, ...env })
  const url = await server.url()
  const answered = request(url, { headers: { connection: 'keep-alive' } })
  answered.catch(() => {})
  await backend.waitFor(({ requests }) => requests === 1)
  return { server, answered, backend, answer: () => waiting!.reply({ body: 'late' }) }
}

t.test('with the samples, it says what to curl, and each of it answers', async t => {
  const server = start(t)
  const url = await server.url()
  await server.logged('samples/slow')
  const curls = server.lines.filter(({ msg }) => msg.startsWith('curl ')).map(({ msg }) => msg.split(' ')[1]!)
  t.same(curls, ['persistent', 'idle-closer', 'close', 'http10', 'slow'].map(name => `${url}/samples/${name}`))
  for (const curl of curls) t.equal((await request(curl)).status, 200, curl)
  t.equal(server.stderr, '')
})

t.test('at SIGTERM a request in flight gets its answer with close, and the exit code is 0', async t => {
  const { server, answered, answer } = await withSlowRequest(t)
  server.process.kill('SIGTERM')
  await server.logged('draining')
  answer()
  const { status, headers, body } = await answered
  t.same([status, headers.connection, body.toString()], [200, 'close', 'late'])
  t.match(await server.ended, { code: 0, signal: null })
  t.equal(server.stderr, '')
})

t.test('SIGINT works like SIGTERM, and an immediate second one is ignored', async t => {
  const { server, answered, answer } = await withSlowRequest(t)
  server.process.kill('SIGINT')
  server.process.kill('SIGINT')
  await server.logged('draining')
  answer()
  t.equal((await answered).status, 200)
  t.match(await server.ended, { code: 0, signal: null })
})

t.test('requests beyond the deadline are cut and logged, and the exit code is 0', async t => {
  const { server, answered } = await withSlowRequest(t, { DRAIN_DEADLINE_MS: '300' })
  server.process.kill('SIGTERM')
  await t.rejects(answered)
  t.match(await server.ended, { code: 0, signal: null })
  t.match(await server.logged('is cut'), { level: 40, connections: 1, deadline: 300 })
  const line = await server.logged('response cut')
  t.equal(line['status'], undefined, 'nothing was sent')
})

t.test('for DRAIN_DELAY_MS after SIGTERM requests are served, and readiness says 503', async t => {
  const { server, answered, answer } = await withSlowRequest(t, { DRAIN_DELAY_MS: '600000' })
  server.process.kill('SIGTERM')
  t.match(await server.logged('draining'), { delay: 600_000, deadline: 10_000 })
  answer()
  t.match(await answered, { status: 200, headers: { connection: 'keep-alive' } })
  const url = await server.url()
  t.match(await request(`${url}/health/ready`), { status: 503 })
  t.equal(server.lines.some(line => line['url'] === '/health/ready'), false, 'its line is at debug')
  t.match(await request(`${url}/health/live`), { status: 200 })
  server.process.kill('SIGINT')
  t.match(await server.ended, { code: 130 })
})

t.test('a second signal ends the process at once', async t => {
  const { server, answered } = await withSlowRequest(t)
  server.process.kill('SIGTERM')
  await server.logged('draining')
  server.process.kill('SIGINT')
  await t.rejects(answered)
  t.match(await server.ended, { code: 130 })
})

t.test('a hook that never ends does not keep the process alive', async t => {
  const cwd = copy(t, { 'stuck.js': 'export default async app => { app.addHook(\'onClose\', () => new Promise(() => {})); setInterval(() => {}, 1_000) }\n' })
  const server = start(t, { DRAIN_DEADLINE_MS: '200' }, { cwd })
  await server.url()
  server.process.kill('SIGTERM')
  t.match(await server.ended, { code: 0, signal: null })
  t.match(await server.logged('hook of the app'), { level: 50 })
})

t.test('a route file that throws is logged with its stack', async t => {
  const server = start(t, {}, { cwd: copy(t, { [`broken${EXTENSION}`]: 'throw new Error(\'no good\')\n' }) })
  t.match(await server.ended, { code: 1 })
  t.match(server.stderr, new RegExp(`no good[^]*broken\\${EXTENSION}`))
})
