import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { WebSocketServer } from 'ws'
import { gateway, proxy } from '../../src/index.js'
import { request } from '../../testing/client.js'
import type { Answer } from '../../testing/client.js'

/** One request. Its path is below the proxy's prefix, unless it begins with the app's own `/own`. */
export interface Asked {
  readonly name: string
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

export interface Cell {
  readonly prefix: '/' | '/api'
  readonly order: 'before' | 'after'
}

/** A plugin beside the proxy. */
export interface Beside {
  readonly plugin: string
  /** Registers the plugin, and the app's own parts that it needs. */
  readonly own: (app: FastifyInstance) => void | Promise<void>
  /** Requests in addition to those of every plugin, in order. */
  readonly asks?: readonly Asked[]
  /** Options of both proxies, which may use what the plugin has added to the app. */
  readonly options?: Record<string, unknown>
  /** Options without which the app with http-proxy does not start, with the prefix `/`. */
  readonly aloneAtRoot?: Record<string, unknown>
  /**
   * Intended differences from http-proxy, with the id of the difference in docs/migrating.md. A name is `client:etag`, `backend:x`, `status`, `body`,
   * `form: *` for all of one request, or `also`. A request that may differ in everything must pass byte for byte, or match `expects`.
   */
  readonly differs?: Readonly<Record<string, string>>
  readonly expects?: (cell: Cell) => Readonly<Record<string, object>>
  /** Another value that must be equal at the end of the cell; if it differs by intent, the value for Holdfast. */
  readonly also?: (app: FastifyInstance, url: string, cell: Cell) => unknown
  readonly tells?: (cell: Cell) => unknown
}

/** What the client got for a request, and what the backend got, if anything. */
export interface Outcome {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
  readonly backend: { readonly method: string, readonly url: string, readonly headers: Record<string, string>, readonly body: string } | undefined
}

/** Requests that both proxies always get. */
export const COMMON: readonly Asked[] = [
  { name: 'get', path: '/hello?x=1&y=%20', headers: { origin: 'http://a.test', cookie: 'c=1; d="2"', 'x-user-id': 'the-client' } },
  { name: 'head', method: 'HEAD', path: '/hello' },
  { name: 'json', method: 'POST', path: '/echo', headers: { 'content-type': 'application/json' }, body: '{ "a": 1.0 }' },
  { name: 'form', method: 'POST', path: '/echo', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=1&a=2&b=%20+' },
  {
    name: 'multipart',
    method: 'PUT',
    path: '/echo',
    headers: { 'content-type': 'multipart/form-data; boundary=xx' },
    body: '--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--xx--\r\n'
  },
  { name: 'preflight', method: 'OPTIONS', path: '/hello', headers: { origin: 'http://a.test', 'access-control-request-method': 'PUT' } },
  { name: 'stream', path: '/stream' },
  { name: 'empty', method: 'DELETE', path: '/empty' },
  { name: 'missing', path: '/missing' },
  { name: 'own', path: '/own' },
  { name: 'no route', path: '/own/none' }
]

// Intended differences of every plugin, with the id of the difference in docs/migrating.md.
const ALWAYS: readonly (readonly [RegExp, string])[] = [
  [/^(?:client|backend):(?:via|cdn-loop)$/, 'via-forwarded'],
  [/^backend:x-forwarded-(?:for|host|proto)$/, 'via-forwarded'],
  [/^(?:client|backend):(?:connection|keep-alive)$/, 'hop-by-hop'],
  // A response that comes whole: its hooks see a Buffer.
  [/^client:(?:content-length|transfer-encoding)$/, 'onsend-buffer'],
  [/^words of a failure$/, 'status-codes'],
  // Each proxy has another connection pool.
  [/^backend:(?:host)$/, 'via-forwarded']
]
// The longest wait for a request, in ms.
const PATIENCE = 5_000
// Its value differs each time.
const EACH_TIME = /^(?:date|x-ratelimit-reset|retry-after|x-request-id)$/

/** The parts of two outcomes that differ. */
export function differences (ours: Outcome, stock: Outcome): string[] {
  const found = new Set<string>()
  if (ours.status !== stock.status) found.add('status')
  if (ours.body !== stock.body) found.add(ours.status >= 500 && ours.status === stock.status ? 'words of a failure' : 'body')
  for (const name of unequal(ours.headers, stock.headers)) found.add(`client:${name}`)
  if (ours.backend === undefined || stock.backend === undefined) {
    if (ours.backend !== stock.backend) found.add('asked')
    return [...found]
  }
  for (const part of ['method', 'url', 'body'] as const) if (ours.backend[part] !== stock.backend[part]) found.add(`backend ${part}`)
  for (const name of unequal(ours.backend.headers, stock.backend.headers)) found.add(`backend:${name}`)
  return [...found]
}

function unequal (one: Record<string, string>, other: Record<string, string>): string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].filter(name => one[name] !== other[name])
}

/** The id of the difference in docs/migrating.md; undefined if it must not differ. */
export function rowOf (difference: string, ask: string, differs: Readonly<Record<string, string>> = {}): string | undefined {
  return differs[`${ask}: *`] ?? differs[difference] ?? ALWAYS.find(([pattern]) => pattern.test(difference))?.[1]
}

/** A backend that answers as the path says, and remembers its last request. */
export interface Recorder { readonly url: string, take (): Outcome['backend'] }

const TEXT = JSON.stringify(Array.from({ length: 100 }, (_, n) => `piece ${n} of a body that is worth compressing`))

export async function startRecorder (t: Test): Promise<Recorder> {
  let last: Outcome['backend']
  const server = createServer((message, response) => {
    const chunks: Buffer[] = []
    message.on('data', (chunk: Buffer) => chunks.push(chunk))
    message.on('end', () => {
      const body = Buffer.concat(chunks)
      last = { method: message.method!, url: message.url!, headers: linesOf(message.rawHeaders), body: body.toString('latin1') }
      const path = message.url!.split('?', 1)[0]
      response.setHeader('X-Backend', 'yes').setHeader('Vary', 'Accept-Language').setHeader('Set-Cookie', ['b=1; Path=/', 'b2=2']).setHeader('Cache-Control', 'max-age=5')
      if (path === '/empty') response.writeHead(204).end()
      else if (path === '/missing') response.writeHead(404, { 'Content-Type': 'text/html' }).end('<p>nothing here')
      else if (path === '/fail') response.writeHead(500, { 'Content-Type': 'text/plain' }).end('failed')
      else if (path === '/echo') response.setHeader('Content-Type', 'application/octet-stream').setHeader('Content-Length', body.length).end(body)
      else if (path === '/stream') {
        response.setHeader('Content-Type', 'text/plain').write('first ')
        setImmediate(() => response.end('last'))
      } else response.setHeader('Content-Type', 'application/json').setHeader('Content-Length', Buffer.byteLength(TEXT)).end(TEXT)
    })
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, { url }) => socket.send(`backend ${url}`))
  await listen(server)
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
    server.closeAllConnections()
  })
  return {
    url: urlOf(server),
    take () {
      const taken = last
      last = undefined
      return taken
    }
  }
}

/** Asks an app with the plugin beside a proxy all of the row's requests in turn. `http-proxy`: the stock one, in place of ours. */
export async function tried (t: Test, which: 'holdfast' | 'http-proxy', row: Beside, cell: Cell, backend: Recorder): Promise<{ outcomes: Map<string, Outcome>, also: unknown }> {
  // Stock's does not start where both have a route: row `own-routes`.
  const alone = which === 'http-proxy' && cell.prefix === '/' ? row.aloneAtRoot : undefined
  const options = { upstream: backend.url, prefix: cell.prefix, ...row.options, ...alone }
  const app = await started(t, which, row, cell, options)
  const url = urlOf(app.server)
  const outcomes = new Map<string, Outcome>()
  backend.take()
  for (const { name, method = 'GET', path = '/', headers = {}, body } of [...COMMON, ...row.asks ?? []]) {
    const below = path.startsWith('/own') || cell.prefix === '/' ? path : cell.prefix + path
    const { status, rawHeaders, headers: got, body: bytes } = await orNone(request(url + below, { method, headers, ...body === undefined ? undefined : { body } }))
    const plain = got['content-encoding'] === 'gzip' && bytes.length > 0 ? gunzipSync(bytes) : bytes
    outcomes.set(name, { status, headers: linesOf(rawHeaders), body: plain.toString('latin1').replaceAll(backend.url, 'http://backend'), backend: backend.take() })
  }
  // http-proxy ends the process if another listener handles upgrades that it takes for its own.
  const also = which === 'http-proxy' && row.tells !== undefined ? undefined : await row.also?.(app, url, cell)
  // Requests without an answer.
  app.server.closeAllConnections()
  await app.close()
  return { outcomes, also }
}

/** Sends a request. Hanging is an outcome too. */
async function orNone (answer: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const none = new Promise<Answer>(resolve => { timer = setTimeout(resolve, PATIENCE, { status: 0, headers: {}, rawHeaders: [], body: Buffer.from('no answer') }) })
  answer.catch(() => {})
  return Promise.race([answer, none]).finally(() => clearTimeout(timer))
}

async function started (t: Test, which: 'holdfast' | 'http-proxy', row: Beside, cell: Cell, options: Record<string, unknown>): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  const proxied = (): Promise<void> => Promise.resolve(app.register(which === 'holdfast' ? proxy : httpProxy as never, options as never)).then(() => {})
  const own = async (): Promise<void> => {
    await row.own(app)
    app.get('/own', async () => ({ own: true }))
  }
  if (which === 'holdfast') await app.register(gateway, { pressure: false, drain: { deadline: 200 } })
  if (cell.order === 'before') await own()
  await proxied()
  if (cell.order === 'after') await own()
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app
}

async function listen (server: Server): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}

function urlOf (server: Pick<Server, 'address'>): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Headers by lower-case name. Several lines of a name are sorted, since each server adds its own at another place. */
function linesOf (raw: string[]): Record<string, string> {
  const lines: Record<string, string[]> = {}
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    const value = name === 'vary' ? raw[i + 1]!.toLowerCase().split(/\s*,\s*/).sort().join() : raw[i + 1]!
    ;(lines[name] ??= []).push(EACH_TIME.test(name) ? 'each time another' : value.replace(/(?<=session[iI]d=)[^;]+/, 'random').replace(/Expires=[^;]+/, 'Expires=then'))
  }
  return Object.fromEntries(Object.entries(lines).map(([name, values]) => [name, values.sort().join('\n')]))
}
