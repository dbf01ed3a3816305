import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import samples from '../../routes/samples.js'
import { gateway } from '../../src/index.js'
import type { CloseReason } from '../../src/index.js'
import { rawClient, request } from '../../testing/client.js'

const NAMES = ['persistent', 'idle-closer', 'close', 'http10', 'slow']

async function gatewayWithSamples (t: Test, lines?: string[]): Promise<{ app: FastifyInstance, url: string }> {
  const app = Fastify({ logger: lines === undefined ? false : { stream: { write: line => { lines.push((JSON.parse(line) as { msg: string }).msg) } } } })
  t.teardown(() => app.close())
  await app.register(gateway)
  await app.register(samples)
  await app.listen({ port: 0 })
  return { app, url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` }
}

/** The address of a sample, without the gateway. */
function portOf (app: FastifyInstance, name: string): number {
  return Number(new URL(app.gateway!.targets.get(`samples/${name}`)!.origin).port)
}

t.test('once it listens, there is a line to curl for each sample, and it works', async t => {
  const lines: string[] = []
  const { url } = await gatewayWithSamples(t, lines)
  const curls = lines.filter(line => line.startsWith('curl '))
  t.equal(curls.length, NAMES.length)
  for (const [i, name] of NAMES.entries()) {
    const address = /^curl (\S+) # ./.exec(curls[i] ?? '')?.[1] ?? ''
    t.equal(address, `${url}/samples/${name}`)
    const { status, headers, body } = await request(address)
    t.equal(status, 200)
    t.match(headers['content-type'], /json/)
    t.match(JSON.parse(body.toString()), { backend: name, does: String, served: 1, connection: Number })
  }
})

t.test('the persistent sample counts what its connection has served', async t => {
  const { url } = await gatewayWithSamples(t)
  for (let nth = 1; nth <= 3; nth++) {
    const { body } = await request(`${url}/samples/persistent`)
    t.match(JSON.parse(body.toString()), { served: nth })
  }
})

t.test('the idle closer ends a connection unannounced, and no request suffers', async t => {
  const { app, url } = await gatewayWithSamples(t)
  const closed = new Promise<[CloseReason, number]>(resolve => {
    app.gateway!.observe({ closed: (_connection, reason, idleMs) => resolve([reason, idleMs ?? 0]) })
  })
  const first = await request(`${url}/samples/idle-closer`)
  t.equal(first.status, 200)
  const [reason, idleMs] = await closed
  t.equal(reason, 'backend_idle')
  t.ok(idleMs > 1_500, `after ${Math.round(idleMs)} ms`)
  const again = await request(`${url}/samples/idle-closer`)
  t.match(JSON.parse(again.body.toString()), { served: 1 })
})

t.test('what the samples say on the wire is what they claim', async t => {
  const { app } = await gatewayWithSamples(t)
  const answers: Record<string, object> = {}
  for (const name of NAMES) {
    const client = await rawClient(portOf(app, name))
    t.teardown(() => client.destroy())
    client.write('POST / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello')
    const { httpVersion, header } = await client.response()
    answers[name] = { httpVersion, connection: header('connection'), keepAlive: header('keep-alive') }
    if (name === 'close' || name === 'http10') t.equal(await client.ended, 'fin', `${name} ends its connection`)
  }
  t.strictSame(answers, {
    persistent: { httpVersion: '1.1', connection: 'keep-alive', keepAlive: undefined },
    'idle-closer': { httpVersion: '1.1', connection: 'keep-alive', keepAlive: undefined },
    close: { httpVersion: '1.1', connection: 'close', keepAlive: undefined },
    http10: { httpVersion: '1.0', connection: undefined, keepAlive: undefined },
    slow: { httpVersion: '1.1', connection: 'keep-alive', keepAlive: undefined }
  })
})

t.test('HEAD and POST work on each', async t => {
  const { url } = await gatewayWithSamples(t)
  for (const name of NAMES) {
    t.equal((await request(`${url}/samples/${name}`, { method: 'HEAD' })).status, 200, `HEAD ${name}`)
    t.equal((await request(`${url}/samples/${name}`, { method: 'POST', body: 'x'.repeat(200_000), headers: { 'content-type': 'text/plain' } })).status, 200, `POST ${name}`)
  }
})

t.test('they end with the app', async t => {
  const { app, url } = await gatewayWithSamples(t)
  const ports = NAMES.map(name => portOf(app, name))
  for (const name of NAMES) await request(`${url}/samples/${name}`)
  await app.close()
  for (const port of ports) {
    const code = await new Promise(resolve => connect(port, '127.0.0.1').once('error', (error: NodeJS.ErrnoException) => resolve(error.code)).once('connect', () => resolve('connected')))
    t.equal(code, 'ECONNREFUSED')
  }
})
