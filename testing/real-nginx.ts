import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { request } from './client.js'
import type { BackendCounts } from './backend-counts.js'
import { ended } from './child-server.js'

export function nginxInstalled (): boolean {
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A real nginx with one process, which answers with the id of the request. */
export class RealNginx {
  readonly url: string
  /** A URL for each of its ports; `url` is the first. */
  readonly urls: readonly string[]
  /** The id of its process. */
  readonly pid: number
  readonly #child: ChildProcess
  readonly #directory: string
  readonly #statusUrl: string
  #statusRequests = 0

  constructor (child: ChildProcess, directory: string, urls: readonly string[], statusPort: number) {
    this.#child = child
    this.pid = child.pid!
    this.#directory = directory
    this.urls = urls
    this.url = urls[0] ?? ''
    this.#statusUrl = `http://127.0.0.1:${statusPort}`
  }

  /** Connections now and so far, without those of this question. */
  async status (): Promise<{ active: number, accepted: number }> {
    const { body } = await request(this.#statusUrl)
    this.#statusRequests++
    const [active = 0, accepted = 0] = (body.toString().match(/\d+/g) ?? []).map(Number)
    return { active: active - 1, accepted: accepted - this.#statusRequests }
  }

  /** By its status page and its logs, which tell of connections that the client left. */
  async counts (): Promise<BackendCounts> {
    const { active, accepted } = await this.status()
    const leftByClient = this.#lines('error.log').filter((line) => line.includes('closed keepalive connection') || line.includes('closed connection')).length
    return {
      accepted,
      closes: accepted - active - leftByClient,
      askedToKeep: this.#lines('access.log').filter((line) => line !== 'close').length
    }
  }

  async stop (): Promise<void> {
    await ended(this.#child, () => this.#child.kill('SIGTERM'))
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #lines (log: string): string[] {
    return readFileSync(join(this.#directory, log), 'latin1').split('\n').slice(0, -1)
  }
}

export interface NginxSetup {
  /** Its `keepalive_timeout`. */
  keepAliveTimeout?: string
  /** @default 1000, nginx's default */
  keepAliveRequests?: number
  /** Bytes to add to its answers. */
  size?: number
  /** How many ports it listens on. Default 1. */
  ports?: number
  /** The most connections. Default 4096. */
  connections?: number
  /** Serves https with these, in PEM. */
  tls?: { cert: string, key: string }
  /** Lines for the `server` block that answers, like `add_header X-A 1;`. */
  lines?: string
  /** Whether it writes the logs that `counts` reads, which costs it time. Default true. */
  logs?: boolean
}

export async function startNginx (setup: NginxSetup = {}): Promise<RealNginx> {
  const { keepAliveTimeout = '75s', keepAliveRequests = 1000, size = 0, ports = 1, connections = 4096, logs = true, tls, lines = '' } = setup
  const directory = mkdtempSync(join(tmpdir(), 'bench-nginx-'))
  const [statusPort = 0, ...listening] = await freePorts(ports + 1)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`).join(' ')
  if (tls !== undefined) {
    await writeFile(join(directory, 'cert.pem'), tls.cert)
    await writeFile(join(directory, 'key.pem'), tls.key, { mode: 0o600 })
  }
  const encrypted = tls === undefined ? '' : 'ssl_certificate cert.pem; ssl_certificate_key key.pem;'
  await writeFile(join(directory, 'nginx.conf'), `
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log error.log ${logs ? 'info' : 'error'};
events { worker_connections ${connections}; }
http {
  ${temporary}
  log_format asked '$http_connection';
  keepalive_timeout ${keepAliveTimeout}; keepalive_requests ${keepAliveRequests}; default_type application/json;
  server { ${listening.map((port) => `listen 127.0.0.1:${port} backlog=4096${tls === undefined ? '' : ' ssl'};`).join(' ')} ${encrypted} ${lines} access_log ${logs ? 'access.log asked' : 'off'}; location / { return 200 '{"id":"$http_x_id","pad":"${'x'.repeat(size)}"}'; } }
  server { listen 127.0.0.1:${statusPort}; access_log off; location / { stub_status; } }
}
`)
  const child = spawn('nginx', ['-p', directory, '-c', 'nginx.conf'], { stdio: ['ignore', 'ignore', 'inherit'] })
  const nginx = new RealNginx(child, directory, listening.map((port) => `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`), statusPort)
  while (child.exitCode === null && await nginx.status().catch(() => undefined) === undefined) await wait(20)
  if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`)
  return nginx
}

export async function freePort (): Promise<number> {
  const [port = 0] = await freePorts(1)
  return port
}

/** Different free ports. */
export async function freePorts (count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(async (server) => await once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(async (server) => {
    server.close()
    await once(server, 'close')
  }))
  return ports
}
