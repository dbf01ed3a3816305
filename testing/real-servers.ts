import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startNodeBackend } from './node-backend.js'
import { freePort, startNginx } from './real-nginx.js'
import { request } from './client.js'

/** Documents that each server has: `/d0` to `/d19`. Each contains its mark, which the request also carries as X-Id. */
export const DOCUMENTS = 20
export const markOf = (n: number): string => `<d${n % DOCUMENTS}>`

export interface RealServer {
  name: string
  /** The command that has to be installed. */
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

/** A server, and what `holdfast probe` has to find: what its documentation or source says. Times in ms. */
export interface KnownServer extends Omit<RealServer, 'keeps'> {
  /** The arguments with which it prints its version. */
  version: readonly string[]
  /** Its idle timeout; undefined if it keeps no connections. */
  idleMs: number | undefined
  /** The most requests on a connection. */
  requests?: number
}

const NGINX = { command: 'nginx', version: ['nginx', '-v'], requests: 1000 }
const NODE = { command: 'node', version: ['node', '--version'] }
const GUNICORN = { command: 'gunicorn', version: ['gunicorn', '--version'] }
const PYTHON = { command: 'python3', version: ['python3', '--version'] }
const startOf = (name: string): RealServer['start'] => servers.find((server) => server.name === name)!.start

export const knownServers: KnownServer[] = [
  { ...NGINX, name: 'nginx', idleMs: 75_000, start: () => startNginx({ logs: false }) },
  { ...NGINX, name: 'nginx, keepalive_timeout 5s', idleMs: 5_000, start: () => startNginx({ logs: false, keepAliveTimeout: '5s' }) },
  { ...NGINX, name: 'nginx, keepalive_timeout 2s 30s', idleMs: 2_000, start: () => startNginx({ logs: false, keepAliveTimeout: '2s 30s' }) },
  { name: 'Apache, event', command: 'apache2', version: ['apache2', '-v'], idleMs: 5_000, requests: 101, start: startOf('Apache, event') },
  { ...NODE, name: 'Node', idleMs: 6_000, start: startOf('Node') },
  { ...NODE, name: 'Node, maxRequestsPerSocket 10', idleMs: 6_000, requests: 10, start: () => startNodeBackend({ maxRequestsPerSocket: 10 }) },
  {
    name: 'Fastify 5',
    command: 'node',
    version: ['node', '-p', `require(${JSON.stringify(fileURLToPath(new URL('package.json', import.meta.resolve('fastify'))))}).version`],
    idleMs: 73_000,
    start: () => spawned((port, directory) => ['node', fastifyApp(port, directory)])
  },
  { ...GUNICORN, name: 'gunicorn, sync', idleMs: undefined, start: startOf('gunicorn, sync') },
  { ...GUNICORN, name: 'gunicorn, gthread', idleMs: 2_000, start: startOf('gunicorn, gthread') },
  { name: 'uvicorn', command: 'uvicorn', version: ['uvicorn', '--version'], idleMs: 5_000, start: startOf('uvicorn') },
  { name: 'php -S', command: 'php', version: ['php', '--version'], idleMs: undefined, start: startOf('php -S') },
  { ...PYTHON, name: 'python -m http.server', idleMs: undefined, start: startOf('python -m http.server') },
  // It never closes an idle connection.
  {
    ...PYTHON,
    name: 'python -m http.server, HTTP/1.1',
    idleMs: Infinity,
    start: () => spawned((port) => ['python3', '-m', 'http.server', '--protocol', 'HTTP/1.1', '--bind', '127.0.0.1', `${port}`])
  }
]

/** The version that the server prints, without its name. */
export function versionOf ({ version: [command = '', ...args] }: KnownServer): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return /\d+(\.\d+)+/.exec(stdout + stderr)?.[0] ?? 'unknown'
}

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

function fastifyApp (port: number, directory: string): string {
  const file = join(directory, 'fastify.mjs')
  writeFileSync(file, [
    `import Fastify from ${JSON.stringify(import.meta.resolve('fastify'))}`,
    'const app = Fastify()', "app.get('/*', async () => 'hi')", "app.post('/*', async () => 'hi')", `await app.listen({ port: ${port} })`, ''
  ].join('\n'))
  return file
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

/** Starts a server in a directory that it serves. Resolves when it answers. */
async function spawned (commandOf: (port: number, directory: string) => string[], signal: NodeJS.Signals = 'SIGTERM'): Promise<{ url: string, stop (): Promise<void> }> {
  const directory = mkdtempSync(join(tmpdir(), 'real-server-'))
  // Apache reads the files as another user.
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
