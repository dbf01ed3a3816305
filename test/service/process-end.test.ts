// What ends the microservice, and what must not: errors that no code catches, and a log that cannot be written.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import t, { type Test } from 'tap'
import { copy, start } from './server-process.js'
import { request } from '../../testing/client.js'
import { until } from '../../testing/gateway.js'
import { EXTENSION, program } from '../../testing/program.js'

const UPSTREAMS = '/=http://127.0.0.1:9'

const THROWING = `export default async app => {
  app.get('/throw', () => { setImmediate(() => { throw new Error('thrown') }); return new Promise(() => {}) })
  app.get('/reject', () => { Promise.reject(new Error('rejected')); return new Promise(() => {}) })
  app.get('/string', () => { setImmediate(() => { throw 'text' }); return new Promise(() => {}) })
}\n`

t.test('an error that is not caught is logged with its stack in one line, and ends the process with 1', async t => {
  const cwd = copy(t, { [`throwing${EXTENSION}`]: THROWING })
  const cases = [
    ['/throw', 'uncaughtException', { message: 'thrown', stack: /thrown[^]*throwing/ }],
    ['/reject', 'unhandledRejection', { message: 'rejected', stack: /rejected[^]*throwing/ }],
    ['/string', 'uncaughtException', 'text']
  ] as const
  await Promise.all(cases.map(async ([path, origin, err]) => {
    const server = start(t, {}, { cwd })
    const url = await server.url()
    await t.rejects(request(url + path), 'the request is cut')
    t.match(await server.ended, { code: 1, signal: null })
    t.match(server.lines.filter(({ level }) => level === 60), [{ origin, err, msg: 'an error was not caught: the process ends at once, in-flight requests are cut' }], path)
    t.equal(server.stderr, '')
  }))
})

// The only thread of the pool is busy when the lines are logged, so their writes wait.
const LOGGING = `import { pbkdf2 } from 'node:crypto'
export default async app => {
  const log = () => {
    pbkdf2('', '', 100_000, 64, 'sha512', () => {})
    for (const msg of ['first', 'second', 'third']) app.log.info(msg)
  }
  app.get('/throw', () => { setImmediate(() => { log(); throw new Error('thrown') }); return new Promise(() => {}) })
  app.get('/exit', () => { setImmediate(() => { log(); process.exit(3) }); return new Promise(() => {}) })
}\n`

t.test('the last lines are written in order, and none is lost where a route ends the process', async t => {
  const cwd = copy(t, { [`logging${EXTENSION}`]: LOGGING })
  const last = async (path: string): Promise<{ code: number | null, messages: string[] }> => {
    const server = start(t, { UV_THREADPOOL_SIZE: '1' }, { cwd })
    await t.rejects(request(await server.url() + path), 'the request is cut')
    const { code } = await server.ended
    return { code, messages: server.lines.map(({ msg }) => msg).filter(msg => /^(?:first|second|third|an error was)/.test(msg)) }
  }
  const [thrown, exited] = await Promise.all([last('/throw'), last('/exit')])
  t.same(thrown, { code: 1, messages: ['first', 'second', 'third', 'an error was not caught: the process ends at once, in-flight requests are cut'] })
  t.equal(exited.code, 3)
  t.same(exited.messages.toSorted(), ['first', 'second', 'third'], 'a line whose write was under way may come last')
})

// Its log may be lost, so it tells its port by another way.
const TELLS_PORT = `export default async app => {
  app.addHook('onListen', async () => { process.send(app.server.address().port) })
  app.get('/fill', async () => { app.log.info('x'.repeat(2_000_000)); return 'answered' })
  app.get('/fatal', async () => { app.log.fatal('fatal'); return 'answered' })
  app.get('/console', async () => { console.log('a line of a route'); return 'answered' })
  app.get('/throw', () => { setImmediate(() => { throw new Error('thrown') }); return new Promise(() => {}) })
}\n`

function copyThatTellsPort (t: Test): string {
  return copy(t, { [`tells-port${EXTENSION}`]: TELLS_PORT })
}

/** A server whose stdout is a file, or a pipe of the test. */
async function withStdout (t: Test, stdout: number | 'pipe', cwd = copyThatTellsPort(t)): Promise<{ server: ChildProcess, url: string, stderr: () => string, ended: Promise<unknown[]> }> {
  const env = { PATH: process.env['PATH'], PORT: '0', UPSTREAMS }
  const server = spawn(process.execPath, program('src/server'), { cwd, env, stdio: ['ignore', stdout, 'pipe', 'ipc'] })
  let text = ''
  server.stderr!.on('data', (chunk: Buffer) => { text += chunk.toString() })
  const ended = once(server, 'close')
  t.teardown(() => { server.kill('SIGKILL') })
  const [port] = await once(server, 'message') as [number]
  return { server, url: `http://127.0.0.1:${port}`, stderr: () => text, ended }
}

t.test('where the log cannot be written, stderr says so, clients are served, and a signal ends the process', { skip: !existsSync('/dev/full') && 'there is no /dev/full' }, async t => {
  const full = openSync('/dev/full', 'w')
  const { server, url, stderr, ended } = await withStdout(t, full)
  closeSync(full)
  const message = 'holdfast: the log cannot be written to stdout, and its lines are lost until it can be: ENOSPC: no space left on device, write\n'
  while (stderr() === '') await once(server.stderr!, 'data')
  t.equal((await request(`${url}/missing`)).status, 502)
  server.kill('SIGTERM')
  t.same(await ended, [0, null])
  t.equal(stderr(), message, 'once')
})

t.test('where nothing reads the log any more, stderr says so, and clients are served', async t => {
  const { server, url, stderr, ended } = await withStdout(t, 'pipe')
  await once(server.stdout!, 'data')
  server.stdout!.destroy()
  await until(() => server.stdout!.destroyed)
  t.equal((await request(`${url}/missing`)).status, 502)
  while (stderr() === '') await once(server.stderr!, 'data')
  t.equal((await request(`${url}/console`)).status, 200)
  t.equal((await request(`${url}/health/live`)).status, 200)
  server.kill('SIGTERM')
  t.same(await ended, [0, null])
  t.equal(stderr(), 'holdfast: nothing reads stdout any more (EPIPE): the log is lost from here on, and clients are served all the same\n')
})

t.test('where the reader of the log hangs, clients are served, and a signal or an error ends the process', async t => {
  const ends = {
    'a signal': async ({ server }) => { server.kill('SIGTERM') },
    'a signal, after a line of level fatal': async ({ server, url }) => {
      t.equal((await request(`${url}/fatal`)).status, 200)
      server.kill('SIGTERM')
    },
    'an error': async ({ url }) => { await t.rejects(request(`${url}/throw`)) }
  } satisfies Record<string, (stuck: Awaited<ReturnType<typeof withStdout>>) => Promise<void>>
  const cwd = copyThatTellsPort(t)
  await Promise.all(Object.entries(ends).map(async ([name, end]) => {
    const stuck = await withStdout(t, 'pipe', cwd)
    const { server, url, stderr, ended } = stuck
    await once(server.stdout!, 'readable')
    // Writes more than a pipe and the test's buffer hold.
    await request(`${url}/fill`)
    t.equal((await request(`${url}/health/live`)).status, 200)
    const exited = once(server, 'exit')
    await end(stuck)
    t.same(await exited, [null, 'SIGKILL'], name)
    server.stdout!.destroy()
    await ended
    t.equal(stderr(), 'holdfast: stdout takes nothing, so the process is killed at its end, and the rest of the log is lost\n')
  }))
})
