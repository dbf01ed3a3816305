import { startBackend, type RequestScript } from '../../testing/backend.js'
import {
  apache, gunicornThread, haproxy, idleCloser, nginx, node, phpServer, pythonHttp10, silentCloser
} from '../../testing/behaviours.js'
import type { BackendCounts } from '../../testing/backend-counts.js'
import { startNodeBackend } from '../../testing/node-backend.js'
import { startNginx } from '../../testing/real-nginx.js'

export interface RunningBackend {
  url: string
  counts (): Promise<BackendCounts>
  stop (): Promise<void>
}

export interface BackendRow {
  name: string
  /** Whether it keeps connections open at all. */
  keeps: boolean
  /** How long it keeps an idle connection, in ms, if that is short enough for the clients' pauses to reach. */
  idleMs?: number
  /**
   * Whether it closes so late that a second request is on the connection. Such a close is believed only once the connections beside it
   * ended too.
   */
  closesLate?: boolean
  /** Whether it is a real nginx, which may not be installed. */
  nginx?: boolean
  start (): Promise<RunningBackend>
}

/** Well-known servers: scripts of their behaviour, and two real ones. */
export const backends: BackendRow[] = [
  { name: 'nginx', keeps: true, start: scripted(() => nginx()) },
  { name: 'nginx, 2 s and says 30 s', keeps: true, idleMs: 2000, start: scripted(() => nginx({ keepAliveMs: 2000, hint: 30 })) },
  { name: 'apache', keeps: true, start: scripted(() => apache()) },
  { name: 'node', keeps: true, start: scripted(() => node()) },
  { name: 'fastify', keeps: true, start: scripted(() => node({ keepAliveMs: 73_000, saysSeconds: 72 })) },
  { name: 'gunicorn gthread, 2 s', keeps: true, idleMs: 2000, start: scripted(() => gunicornThread()) },
  { name: 'uvicorn', keeps: true, start: scripted(() => haproxy({ keepAliveMs: 5000 })) },
  { name: 'haproxy, python HTTP/1.1', keeps: true, start: scripted(() => haproxy()) },
  { name: 'idle closer 2 s, FIN', keeps: true, idleMs: 2000, start: scripted(() => idleCloser({ idleMs: 2000, how: 'fin' })) },
  { name: 'idle closer 2 s, RST', keeps: true, idleMs: 2000, start: scripted(() => idleCloser({ idleMs: 2000, how: 'rst' })) },
  { name: 'php, gunicorn sync', keeps: false, start: scripted(() => phpServer()) },
  { name: 'python HTTP/1.0', keeps: false, start: scripted(() => pythonHttp10()) },
  { name: 'python HTTP/1.0, no length', keeps: false, start: scripted(() => pythonHttp10({ contentLength: false })) },
  { name: 'silent closer', keeps: false, start: scripted(() => silentCloser()) },
  { name: 'silent closer, 30 ms later', keeps: false, closesLate: true, start: scripted(() => silentCloser({ afterMs: 30 })) },
  { name: 'real node', keeps: true, start: realNode() },
  { name: 'real node, 10 a connection', keeps: true, start: realNode(10) },
  { name: 'real nginx', keeps: true, nginx: true, start: realNginx('75s') },
  { name: 'real nginx, 2 s and says 30 s', keeps: true, idleMs: 2000, nginx: true, start: realNginx('2s 30s') },
  { name: 'real nginx, no keep-alive', keeps: false, nginx: true, start: realNginx('0') }
]

function scripted (make: () => RequestScript): () => Promise<RunningBackend> {
  return async () => {
    const script = make()
    let askedToKeep = 0
    const backend = await startBackend((request, connection) => {
      if (request.header('connection') !== 'close') askedToKeep++
      return script(request, connection)
    })
    return {
      url: backend.url,
      counts: async () => {
        if (backend.malformed.length > 0) throw new Error(`the gateway sent ${backend.malformed[0]}`)
        return { accepted: backend.accepted, closes: backend.closes, askedToKeep }
      },
      stop: () => backend.close()
    }
  }
}

function realNode (maxRequestsPerSocket?: number): () => Promise<RunningBackend> {
  return async () => {
    const backend = await startNodeBackend({ maxRequestsPerSocket })
    return { url: backend.url, counts: () => backend.counts(), stop: () => backend.stop() }
  }
}

function realNginx (keepAliveTimeout: string): () => Promise<RunningBackend> {
  return async () => {
    const nginx = await startNginx({ keepAliveTimeout })
    return {
      url: nginx.url,
      counts: () => nginx.counts(),
      stop: () => nginx.stop()
    }
  }
}
