import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { ended, listens } from '../../testing/child-server.js'
import { type Gateway, startGateway } from '../instruments/gateway.js'
import { peersInstalled } from '../instruments/peers-installed.js'
import { freePort } from '../../testing/real-nginx.js'

// Gateways with many upstreams: `/0/...` goes to the first, `/1/...` to the second, and so on. Each is set to keep idle connections for 60
// s, and does not know its backends' timeouts.

const KEEP_ALIVE = 60_000

export interface ManyUpstreams {
  readonly url: string
  stop (): Promise<void>
}

export async function startHoldfast (upstreams: string[]): Promise<Gateway> {
  return await startGateway({ ...routed(upstreams), proxy: { undiciOptions: { keepAliveTimeout: KEEP_ALIVE } } })
}

/** Stock @fastify/http-proxy. */
export async function startStock (upstreams: string[]): Promise<Gateway> {
  return await startGateway({ ...routed(upstreams), stock: { connections: 128, pipelining: 1, keepAliveTimeout: KEEP_ALIVE } })
}

function routed (upstreams: string[]): { upstream: string, routes: Array<{ prefix: string, upstream: string }> } {
  return { upstream: upstreams[0] ?? '', routes: upstreams.map((upstream, index) => ({ prefix: `/${index}`, upstream })) }
}

/** npm's http-proxy, which is installed if it is missing; undefined if that fails. */
export async function startHttpProxy (upstreams: string[]): Promise<ManyUpstreams | undefined> {
  if (!peersInstalled()) return undefined
  const child = fork(join(import.meta.dirname, 'learning-http-proxy.ts'), [JSON.stringify(upstreams)], { execArgv: ['--import=tsx'] })
  const [{ url }] = await once(child, 'message') as [{ url: string }]
  return {
    url,
    async stop () {
      await ended(child, () => child.disconnect())
    }
  }
}

/** nginx with the upstream block that its documentation shows for keep-alive. */
export async function startNginxGateway (upstreams: string[]): Promise<ManyUpstreams> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-nginx-'))
  const port = await freePort()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`).join(' ')
  const blocks = upstreams.map((upstream, index) => `upstream u${index} { server ${new URL(upstream).host}; keepalive 128; keepalive_timeout ${KEEP_ALIVE / 1000}s; }`)
  const locations = upstreams.map((_upstream, index) => `location /${index}/ { proxy_pass http://u${index}/; }`)
  await writeFile(join(directory, 'nginx.conf'), `
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log error.log crit;
events { worker_connections 4096; }
http {
  ${temporary}
  access_log off;
  proxy_http_version 1.1; proxy_set_header Connection "";
  ${blocks.join('\n  ')}
  server { listen 127.0.0.1:${port}; ${locations.join('\n    ')} }
}
`)
  const child = spawn('nginx', ['-p', directory, '-c', 'nginx.conf'], { stdio: ['ignore', 'ignore', 'inherit'] })
  while (child.exitCode === null && !await listens(port)) await wait(20)
  if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`)
  return {
    url: `http://127.0.0.1:${port}`,
    async stop () {
      await ended(child, () => child.kill('SIGTERM'))
      rmSync(directory, { recursive: true, force: true })
    }
  }
}
