import type { AddressInfo } from 'node:net'
import httpProxy from '@fastify/http-proxy'
import replyFrom from '@fastify/reply-from'
import underPressure from '@fastify/under-pressure'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import type { Test } from 'tap'
import { gateway, proxy } from '../../src/index.js'
import type { GatewayOptions } from '../../src/index.js'
import { request } from '../../testing/client.js'
import { backendFor, captureLog, until } from '../../testing/gateway.js'
import type { LogLine } from '../../testing/gateway.js'

const PRESSED = { maxHeapUsedBytes: 1, sampleInterval: 10 }
const LEFT_ALONE = { maxHeapUsedBytes: Number.MAX_SAFE_INTEGER, sampleInterval: 10 }

/** An app that registers plugins after the gateway and its proxy at `/api`. */
async function appFor (t: Test, after: (app: FastifyInstance) => unknown, options: GatewayOptions = {}): Promise<{ app: FastifyInstance, url: string, log: LogLine[] }> {
  const backend = await backendFor(t, ({ path }, connection) => connection.reply({ body: `proxied ${path}` }))
  const { stream, lines } = captureLog()
  const app = Fastify({ logger: { stream } })
  t.teardown(() => app.close())
  await app.register(gateway, { drain: { deadline: 200 }, ...options })
  await app.register(proxy, { prefix: '/api', upstream: backend.url })
  await after(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, log: lines }
}

const body = async (url: string): Promise<string> => (await request(url)).body.toString()

t.test('@fastify/under-pressure that the app registers after the gateway guards in place of the gateway\'s', async t => {
  const { app, url, log } = await appFor(t, app => app.register(underPressure, { ...PRESSED, message: 'the app\'s own words' }), { pressure: LEFT_ALONE, health: true })
  await until(() => app.isUnderPressure())
  const { status, body } = await request(`${url}/api/x`)
  t.equal(status, 503)
  t.match(body.toString(), 'the app\'s own words')
  t.equal((await request(`${url}/health/ready`)).status, 503, 'readiness is that of the app\'s own')
  t.equal(log.filter(({ msg }) => /under-pressure itself/.test(msg ?? '')).length, 1)
})

t.test('the gateway\'s pressure limits do not hold if the app has its own', async t => {
  const { app, url } = await appFor(t, app => app.register(underPressure, LEFT_ALONE), { pressure: PRESSED })
  await until(() => app.memoryUsage().heapUsed > 0)
  t.notOk(app.isUnderPressure())
  // It has taken its first sample, since the gateway's was due before.
  t.equal((await request(`${url}/api/x`)).status, 200)
})

t.test('a second under-pressure of the app, and any duplicate decorator, is refused as without the gateway', async t => {
  await t.rejects(appFor(t, async app => {
    await app.register(underPressure, LEFT_ALONE)
    await app.register(underPressure, LEFT_ALONE)
  }), { code: 'FST_ERR_DEC_ALREADY_PRESENT' })
  await t.rejects(appFor(t, app => app.decorate('gateway', {} as never)), { code: 'FST_ERR_DEC_ALREADY_PRESENT' })
})

t.test('@fastify/reply-from that the app registers after the gateway is what its handlers have', async t => {
  const other = await backendFor(t, ({ path }, connection) => connection.reply({ body: `other ${path}` }))
  const { url } = await appFor(t, async app => {
    await app.register(replyFrom, { base: other.url })
    app.get('/own', (_request, reply) => reply.from('/x'))
  })
  t.equal(await body(`${url}/own`), 'other /x')
  t.equal(await body(`${url}/api/y`), 'proxied /y', 'and proxied routes go where they went')
})

t.test('a second reply-from of the app is refused as without the gateway', async t => {
  const { url } = await appFor(t, async app => {
    await app.register(replyFrom)
    await t.rejects(async () => app.decorateReply('from', function () { return this }), { code: 'FST_ERR_DEC_ALREADY_PRESENT' })
  })
  t.equal(await body(`${url}/api/y`), 'proxied /y')
})

t.test('@fastify/http-proxy that the app registers after the gateway serves its routes, in a scope of its own or in the app\'s', async t => {
  const other = await backendFor(t, ({ path }, connection) => connection.reply({ body: `other ${path}` }))
  const inTheApp = fp(async app => { await (httpProxy as unknown as (app: FastifyInstance, options: object) => Promise<void>)(app, { upstream: other.url, routes: ['/in-the-app/*'] }) })
  const { url } = await appFor(t, async app => {
    await app.register(httpProxy, { upstream: other.url, prefix: '/stock' })
    await app.register(inTheApp)
  })
  t.equal(await body(`${url}/stock/y`), 'other /y')
  t.equal(await body(`${url}/in-the-app/y`), 'other /in-the-app/y')
  t.equal(await body(`${url}/api/y`), 'proxied /y')
})
