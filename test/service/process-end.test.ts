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

// Its log may be lost, so it tells its port by another way.
const TELLS_PORT = `export default async app => {
  app.addHook('onListen', async () => { process.send(app.server.address().port) })
}\n`

/** A server whose stdout is a file, or a pipe of the test. */
async function withStdout (t: Test, stdout: number | 'pipe'): Promise<{ server: ChildProcess, url: string, stderr: () => string, ended: Promise<unknown[]> }> {
  const env = { PATH: process.env['PATH'], PORT: '0', UPSTREAMS }
  const cwd = copy(t, { [`tells-port${EXTENSION}`]: TELLS_PORT })
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
  t.equal((await request(`${url}/health/live`)).status, 200)
  server.kill('SIGTERM')
  t.same(await ended, [0, null])
  t.equal(stderr(), 'holdfast: nothing reads stdout any more (EPIPE): the log is lost from here on, and clients are served all the same\n')
})

t.test('where the reader of the log hangs, clients are served, and a signal ends the process after its drain', async t => {
  const { server, url, stderr, ended } = await withStdout(t, 'pipe')
  await once(server.stdout!, 'readable')
  // Lines of 1 kB: more than a pipe and the test's buffer hold.
  for (let n = 0; n < 40; n++) await Promise.all(Array.from({ length: 10 }, async () => await request(`${url}/health/${'x'.repeat(1_000)}`, { method: 'TRACE' })))
  await new Promise(resolve => setTimeout(resolve, 1_200))
  t.equal((await request(`${url}/health/live`)).status, 200)
  server.kill('SIGTERM')
  server.stdout!.pause()
  t.same(await once(server, 'exit'), [null, 'SIGKILL'])
  server.stdout!.destroy()
  await ended
  t.equal(stderr(), 'holdfast: stdout takes nothing, so the process is killed at its end, and the rest of the log is lost\n')
})
