import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { startNodeBackend } from '../../bench/node-backend.js'
import { freePort, startNginx } from '../../bench/real-nginx.js'
import { request } from '../support/client.js'

/** Documents that each server has: `/d0` to `/d19`. What answers one holds its mark, which the request carries as X-Id too. */
export const DOCUMENTS = 20
export const markOf = (n: number): string => `<d${n % DOCUMENTS}>`

export interface RealServer {
  name: string
  /** The command that has to be there. */
  command: string
  keeps: boolean
  start (): Promise<{ url: string, stop (): Promise<void> }>
}

export const servers: RealServer[] = [
  { name: 'nginx', command: 'nginx', keeps: true, start: () => startNginx() },
  { name: 'Apache, event', command: 'apache2', keeps: true, start: () => spawned((port, directory) => ['apache2', '-f', apacheConfig(port, directory), '-DFOREGROUND']) },
  { name: 'Node', command: 'node', keeps: true, start: () => startNodeBackend() },
  { name: 'gunicorn, sync', command: 'gunicorn', keeps: false, start: () => spawned((port) => gunicorn(port), 'SIGQUIT') },
  { name: 'gunicorn, gthread', command: 'gunicorn', keeps: true, start: () => spawned((port) => gunicorn(port, '-k', 'gthread', '--threads', '8'), 'SIGQUIT') },
  { name: 'uvicorn', command: 'uvicorn', keeps: true, start: () => spawned((port) => ['uvicorn', '--port', `${port}`, '--log-level', 'critical', 'app:asgi']) },
  { name: 'php -S', command: 'php', keeps: false, start: () => spawned((port) => ['php', '-S', `127.0.0.1:${port}`, 'index.php']) },
  { name: 'python -m http.server', command: 'python3', keeps: false, start: () => spawned((port) => ['python3', '-m', 'http.server', '--bind', '127.0.0.1', `${port}`]) }
]

export function isInstalled (command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const APP = `
def wsgi(environ, start_response):
    body = environ.get('HTTP_X_ID', '').encode()
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', str(len(body)))])
    return [body]

async def asgi(scope, receive, send):
    if scope['type'] != 'http':
        return
    body = dict(scope['headers']).get(b'x-id', b'')
    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-type', b'text/plain'), (b'content-length', str(len(body)).encode())]})
    await send({'type': 'http.response.body', 'body': body})
`

function gunicorn (port: number, ...more: string[]): string[] {
  return ['gunicorn', '-b', `127.0.0.1:${port}`, '--log-level', 'critical', '--graceful-timeout', '1', ...more, 'app:wsgi']
}

function apacheConfig (port: number, directory: string): string {
  const modules = ['mpm_event', 'authz_core', 'authz_host'].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
  const file = join(directory, 'apache.conf')
  writeFileSync(file, [
    ...modules, 'ServerName localhost', `Listen 127.0.0.1:${port}`, `ServerRoot ${directory}`, `DefaultRuntimeDir ${directory}`, 'PidFile apache.pid',
    'ErrorLog apache.log', 'User www-data', 'Group www-data', `DocumentRoot ${directory}`, `<Directory ${directory}>`, 'Require all granted', '</Directory>', ''
  ].join('\n'))
  return file
}

/** A server that serves the directory it is started in, once it answers. */
async function spawned (commandOf: (port: number, directory: string) => string[], signal: NodeJS.Signals = 'SIGTERM'): Promise<{ url: string, stop (): Promise<void> }> {
  const directory = mkdtempSync(join(tmpdir(), 'real-server-'))
  // Apache reads as another user.
  chmodSync(directory, 0o755)
  for (let n = 0; n < DOCUMENTS; n++) writeFileSync(join(directory, `d${n}`), markOf(n))
  writeFileSync(join(directory, 'app.py'), APP)
  writeFileSync(join(directory, 'index.php'), '<?php echo $_SERVER["HTTP_X_ID"] ?? "";')
  const port = await freePort()
  const [command = '', ...args] = commandOf(port, directory)
  const child = spawn(command, args, { cwd: directory, stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  await answers(child, `${url}/d0`)
  return {
    url,
    stop: async () => {
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

async function answers (child: ChildProcess, url: string): Promise<void> {
  for (const deadline = performance.now() + 10_000; child.exitCode === null && performance.now() < deadline; await wait(20)) {
    if ((await request(url).catch(() => undefined))?.status === 200) return
  }
  child.kill('SIGKILL')
  throw new Error(`${child.spawnfile} does not answer`)
}
