import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import circuitBreaker from '@fastify/circuit-breaker'
import compress from '@fastify/compress'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import etag from '@fastify/etag'
import express from '@fastify/express'
import formbody from '@fastify/formbody'
import helmet from '@fastify/helmet'
import jwt from '@fastify/jwt'
import middie from '@fastify/middie'
import multipart from '@fastify/multipart'
import { FastifyOtelInstrumentation } from '@fastify/otel'
import rateLimit from '@fastify/rate-limit'
import requestContext from '@fastify/request-context'
import session from '@fastify/session'
import files from '@fastify/static'
import swagger from '@fastify/swagger'
import websocket from '@fastify/websocket'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { context } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { FastifyInstance } from 'fastify'
import { WebSocket } from 'ws'
import { until } from '../../testing/gateway.js'
import type { Beside } from './beside.js'

const SECRET = 'a secret of at least thirty-two characters'
const TOKEN = hs256({ sub: 'ada' })
const LONG = JSON.stringify({ long: 'x'.repeat(70_000) })

/** An app's finished spans, and the number of unfinished ones. */
const spans = new WeakMap<FastifyInstance, { exporter: InMemorySpanExporter, open: number }>()

/** The official plugins that an app may have beside a proxy, each with a test of what it does there. */
export const PLUGINS: readonly Beside[] = [
  {
    plugin: 'cors',
    own: async app => { await app.register(cors, { origin: true, credentials: true, exposedHeaders: ['x-backend'] }) },
    asks: [{ name: 'options', method: 'OPTIONS', path: '/hello' }],
    differs: { 'client:vary': 'reply-headers' },
    aloneAtRoot: { httpMethods: ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT'] }
  },
  { plugin: 'helmet', own: async app => { await app.register(helmet) } },
  {
    plugin: 'compress',
    own: async app => {
      await app.register(compress, { threshold: 0, encodings: ['gzip'] })
      // The plugin does not change this one.
      app.addHook('preHandler', async request => { delete request.headers['content-encoding'] })
    },
    asks: [
      { name: 'compressed', path: '/hello', headers: { 'accept-encoding': 'gzip' } },
      { name: 'compressed head', method: 'HEAD', path: '/hello', headers: { 'accept-encoding': 'gzip' } },
      { name: 'compressed stream', path: '/stream', headers: { 'accept-encoding': 'gzip' } },
      { name: 'decompressed', method: 'POST', path: '/echo', headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: gzipSync('{"a":1}') },
      { name: 'decompressed, long', method: 'POST', path: '/echo', headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: gzipSync(LONG) }
    ],
    differs: {
      // The plugin looks at the payload of a hook, which is empty without a body.
      'client:vary': 'onsend-buffer',
      'client:content-encoding': 'onsend-buffer',
      'decompressed: *': 'changed-bodies',
      'decompressed, long: *': 'changed-bodies'
    },
    // The plugin decompresses for routes that are declared after it.
    expects: ({ order }): Record<string, object> => order === 'after'
      ? {}
      : {
          decompressed: { status: 200, backend: { body: '{"a":1}', headers: { 'content-encoding': undefined } } },
          'decompressed, long': { status: 200, backend: { body: LONG, headers: { 'content-encoding': undefined } } }
        }
  },
  {
    plugin: 'formbody',
    own: async app => {
      await app.register(formbody)
      app.post('/own/form', async ({ body }) => body)
    },
    asks: [{ name: 'own form', method: 'POST', path: '/own/form', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=1&b=2' }],
    differs: { 'form: *': 'text-plain' }
  },
  {
    plugin: 'multipart',
    own: async app => {
      await app.register(multipart, { attachFieldsToBody: 'keyValues' })
      app.post('/own/form', async ({ body }) => body)
    },
    asks: [{ name: 'own form', method: 'POST', path: '/own/form', headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n' }],
    differs: { 'multipart: *': 'text-plain' }
  },
  {
    plugin: 'jwt',
    own: async app => {
      await app.register(jwt, { secret: SECRET })
      app.addHook('onRequest', async request => {
        const { sub } = await request.jwtVerify<{ sub: string }>()
        request.headers['x-user-id'] = sub
        delete request.headers.authorization
      })
    },
    asks: [
      { name: 'with a token', path: '/hello', headers: { authorization: `Bearer ${TOKEN}`, 'x-user-id': 'forged' } },
      { name: 'posted with a token', method: 'POST', path: '/echo', headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'text/csv' }, body: 'a,b' },
      { name: 'with a false token', path: '/hello', headers: { authorization: `Bearer ${TOKEN}x` } }
    ]
  },
  {
    plugin: 'rate-limit',
    own: async app => { await app.register(rateLimit, { max: 9, timeWindow: 60_000 }) },
    asks: ['one', 'two', 'three', 'four'].map(name => ({ name, path: '/hello' }))
  },
  {
    plugin: 'cookie',
    own: async app => {
      await app.register(cookie, { secret: SECRET })
      app.addHook('onRequest', async (request, reply) => {
        reply.setCookie('seen', request.cookies['c'] ?? 'none', { signed: true, path: '/' }).setCookie('two', '2')
      })
    }
  },
  {
    plugin: 'session',
    own: async app => {
      await app.register(cookie)
      await app.register(session, { secret: SECRET, cookie: { secure: false } })
      app.addHook('preHandler', async request => { request.session.set('user' as never, 'ada' as never) })
    }
  },
  {
    plugin: 'etag',
    own: async app => { await app.register(etag) },
    asks: [{ name: 'own, known', path: '/own', headers: { 'if-none-match': '"0"' } }],
    // The plugin hashes Buffers.
    differs: { 'client:etag': 'onsend-buffer' }
  },
  {
    plugin: 'websocket',
    own: async app => {
      await app.register(websocket)
      await app.register(async scope => { scope.get('/own/socket', { websocket: true }, socket => socket.send('own')) })
    },
    options: { websocket: true },
    also: async (_app, url, { prefix }) => [await greeting(`${url}/own/socket`), await greeting(`${url}${prefix === '/' ? '' : prefix}/live?x=1`)],
    differs: { also: 'own-routes' },
    tells: () => ['own', 'backend /live?x=1']
  },
  {
    plugin: 'static',
    own: async app => {
      const root = mkdtempSync(join(tmpdir(), 'holdfast-static-'))
      writeFileSync(join(root, 'file.txt'), 'a file of the app\'s own')
      app.addHook('onClose', async () => rmSync(root, { recursive: true, force: true }))
      await app.register(files, { root, prefix: '/own/files/', etag: false, lastModified: false })
      app.get('/own/sent', (_request, reply) => reply.sendFile('file.txt'))
    },
    asks: [{ name: 'file', path: '/own/files/file.txt' }, { name: 'no file', path: '/own/files/none' }, { name: 'sent', path: '/own/sent' }]
  },
  {
    plugin: 'swagger',
    own: async app => {
      await app.register(swagger, { openapi: { info: { title: 'own', version: '1' } } })
      await app.register(async scope => { scope.get('/own/described', { schema: { description: 'mine' } }, async () => 'described') })
    },
    asks: [{ name: 'described', path: '/own/described' }],
    also: app => app.swagger()
  },
  {
    plugin: 'otel',
    own: async app => {
      const exporter = new InMemorySpanExporter()
      const told = { exporter, open: 0 }
      spans.set(app, told)
      const counter = { onStart: () => { told.open++ }, onEnd: () => { told.open-- }, forceFlush: async () => {}, shutdown: async () => {} }
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
      const instrumentation = new FastifyOtelInstrumentation()
      instrumentation.setTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter), counter] }) as never)
      await app.register(instrumentation.plugin() as never)
      app.addHook('preHandler', async function mine () {})
    },
    also: async app => {
      // A span ends with its response, and the client may have the response before.
      const told = spans.get(app)!
      await until(() => told.open === 0)
      // docs/migrating.md, own-hooks.
      return told.exporter.getFinishedSpans().filter(({ name }) => !name.startsWith('preParsing - holdfast-proxy'))
        .map(({ name, attributes }) => `${name.replace(/- .*@fastify\/otel/, '- otel')} ${String(attributes['http.route'] ?? '')} ${String(attributes['http.response.status_code'] ?? '')}`).sort()
    }
  },
  {
    plugin: 'express',
    own: async app => {
      await app.register(express)
      app.use((_request: unknown, response: { setHeader (name: string, value: string): void }, next: () => void) => {
        response.setHeader('x-express', 'yes')
        next()
      })
    }
  },
  {
    plugin: 'middie',
    own: async app => {
      await app.register(middie)
      app.use((request: { headers: Record<string, string> }, response: { setHeader (name: string, value: string): void }, next: () => void) => {
        response.setHeader('x-middie', 'yes')
        request.headers['x-user-id'] = 'the-middleware'
        next()
      })
    }
  },
  {
    plugin: 'request-context',
    own: async app => {
      await app.register(requestContext)
      app.addHook('onRequest', async request => { request.requestContext.set('user' as never, (request.headers['x-user-id'] ?? 'nobody') as never) })
      app.addHook('onSend', async (_request, reply) => { reply.header('x-of-context', String(requestContextOf(app))) })
    }
  },
  {
    plugin: 'circuit-breaker',
    own: async app => {
      await app.register(circuitBreaker, { threshold: 2, resetTimeout: 2_000 })
      app.addHook('preHandler', app.circuitBreaker())
    },
    asks: ['fail', 'fail again', 'fail a third time'].map(name => ({ name, path: '/fail' }))
  }
]

function requestContextOf (app: FastifyInstance): unknown {
  return (app as unknown as { requestContext: { get (name: string): unknown } }).requestContext.get('user')
}

/** The first message of a socket, or the status that refused it. */
async function greeting (url: string): Promise<string> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'))
  socket.on('error', () => {})
  const refused = once(socket, 'unexpected-response').then(([, response]) => `refused ${(response as { statusCode: number }).statusCode}`)
  const greeted = await Promise.race([once(socket, 'message').then(([data]) => String(data)), refused])
  const closed = once(socket, 'close')
  socket.terminate()
  await closed
  return greeted
}

function hs256 (claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ ...claims, iat: 0 })}`
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}
