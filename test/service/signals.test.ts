import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { copy, start } from './server-process.js'
import { request } from '../../testing/client.js'
import { EXTENSION, program } from '../../testing/program.js'

const UPSTREAMS = '/=http://127.0.0.1:9'

t.test('SIGHUP, SIGUSR1 and SIGUSR2 are logged and ignored, and SIGQUIT drains', async t => {
  const server = start(t, { UPSTREAMS })
  const url = await server.url()
  const ignored = [
    ['SIGHUP', 'SIGHUP is ignored: settings are read at the start only; restart to apply them'],
    ['SIGUSR1', 'SIGUSR1 is ignored: it would open the debugger of Node; start with node --inspect to debug'],
    ['SIGUSR2', 'SIGUSR2 is ignored: the gateway gives it no meaning']
  ] as const
  for (const [signal, msg] of ignored) {
    server.process.kill(signal)
    t.match(await server.logged(`${signal} is ignored`), { level: 40, signal, msg })
  }
  t.equal((await request(`${url}/health/live`)).status, 200, 'it serves on')
  server.process.kill('SIGQUIT')
  t.match(await server.logged('closing'), { signal: 'SIGQUIT' })
  t.match(await server.ended, { code: 0, signal: null })
  t.equal(server.stderr, '', 'and Node has opened no debugger, which stderr would say')
})

t.test('a signal to stop that comes before the start is over ends the process', async t => {
  const cwd = copy(t, { [`slow${EXTENSION}`]: 'export default () => { console.log(JSON.stringify({ level: 30, msg: \'starting\' })); return new Promise(() => { setInterval(() => {}, 1_000) }) }\n' })
  const server = start(t, { UPSTREAMS }, { cwd })
  await server.logged('starting')
  server.process.kill('SIGHUP')
  server.process.kill('SIGTERM')
  t.match(await server.ended, { code: 143, signal: null })
  t.match(server.stderr, 'holdfast: SIGTERM came before the start was over\n')
})

t.test('a terminal that closes ends the process, after a drain', async t => {
  // util-linux's: gives its command a terminal.
  const terminal = spawn('script', ['-qfec', `echo pid $$; exec "${[process.execPath, ...program('src/server')].join('" "')}"`, '/dev/null'], {
    env: { PATH: process.env['PATH'], TERM: 'dumb', SHELL: '/bin/sh', PORT: '0', UPSTREAMS }, stdio: ['pipe', 'pipe', 'ignore']
  })
  const missing = await Promise.race([once(terminal, 'spawn').then(() => false), once(terminal, 'error').then(() => true)])
  if (missing) return t.pass('there is no script(1) here') as never
  let pid = 0
  let url = ''
  t.teardown(() => {
    terminal.kill('SIGKILL')
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  })
  for await (const line of createInterface(terminal.stdout)) {
    pid ||= Number(/^pid (\d+)/.exec(line)?.[1] ?? 0)
    url = /Server listening at (http:\/\/[\w.:]+)/.exec(line)?.[1] ?? ''
    if (url !== '') break
  }
  t.equal((await request(`${url}/health/live`)).status, 200)
  terminal.kill('SIGKILL')
  while (isAlive(pid)) await new Promise(resolve => setTimeout(resolve, 5))
  await t.rejects(request(`${url}/health/live`), { code: 'ECONNREFUSED' })
})

function isAlive (pid: number): boolean {
  try {
    return pid !== 0 && process.kill(pid, 0)
  } catch {
    return false
  }
}
