import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { gateway, lineMask, requestSerializer } from '../../src/index.js'
import type { GatewayOptions, MaskedNames } from '../../src/index.js'
import { request } from '../../testing/client.js'
import { captureLog, until } from '../../testing/gateway.js'
import type { LogLine } from '../../testing/gateway.js'

/** What an app logs as `req` of one request. */
async function logged (t: Test, app: FastifyInstance, lines: LogLine[]): Promise<unknown> {
  t.teardown(() => app.close())
  app.get('/', () => 'text')
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  await request(`http://127.0.0.1:${port}/?token=x&ssn=1&code=2`, { headers: { host: 'shop.example', 'accept-version': '1.x' } })
  await until(() => lines.some(({ msg }) => msg === 'incoming request'))
  const req = lines.find(({ msg }) => msg === 'incoming request')!['req'] as Record<string, unknown>
  t.type(req['remotePort'], 'number')
  return { ...req, remotePort: 0 }
}

/** An app whose logger has this serializer; none: Fastify's own. */
function appWith (names?: { mask?: MaskedNames } | false): { app: FastifyInstance, lines: LogLine[] } {
  const { stream, lines } = captureLog()
  const serializers = names === false ? undefined : { req: requestSerializer(names?.mask) }
  return { app: Fastify({ logger: { level: 'info', stream, ...serializers === undefined ? undefined : { serializers } } }) as unknown as FastifyInstance, lines }
}

t.test('the serializer shows what Fastify\'s own shows, with the URL masked', async t => {
  const own = appWith(false)
  const masking = appWith()
  const shown = await logged(t, own.app, own.lines) as object
  t.same(shown, { method: 'GET', url: '/?token=x&ssn=1&code=2', version: '1.x', host: 'shop.example', remoteAddress: '127.0.0.1', remotePort: 0 })
  t.same(await logged(t, masking.app, masking.lines), { ...shown, url: '/?token=***&ssn=1&code=***' })
})

t.test('log.mask of the gateway decides which names are masked, unless the serializer has names of its own', async t => {
  const cases: [options: GatewayOptions, names: { mask?: MaskedNames }, url: string][] = [
    [{}, {}, '/?token=***&ssn=1&code=***'],
    [{ log: {} }, {}, '/?token=***&ssn=1&code=***'],
    [{ log: { mask: ['ssn', '!code'] } }, {}, '/?token=***&ssn=***&code=2'],
    [{ log: { mask: false } }, {}, '/?token=x&ssn=1&code=2'],
    [{ log: { mask: [] } }, {}, '/?token=x&ssn=1&code=2'],
    [{ log: { mask: false } }, { mask: ['ssn'] }, '/?token=***&ssn=***&code=***'],
    [{ log: { mask: ['ssn'] } }, { mask: false }, '/?token=x&ssn=1&code=2']
  ]
  for (const [options, names, url] of cases) {
    const { app, lines } = appWith(names)
    await app.register(gateway, { pressure: false, ...options })
    t.match(await logged(t, app, lines), { url }, JSON.stringify([options, names]))
  }
})

t.test('a request that has only some of the parts is shown as far as it goes', async t => {
  const serialize = requestSerializer()
  t.match(serialize({ host: 'user:pass@shop.example' }), { host: 'user:***@shop.example' })
  t.same(serialize({}), { method: undefined, url: undefined, version: undefined, host: undefined, remoteAddress: undefined, remotePort: undefined })
  t.match(serialize({ method: 'GET', url: '/?key=x', headers: {}, socket: null }), { method: 'GET', url: '/?key=***' })
})

t.test('lineMask as a hook of the logger masks every line of an app', async t => {
  const { stream, lines } = captureLog()
  const app = Fastify({ logger: { level: 'info', stream, hooks: { streamWrite: lineMask() } } })
  t.teardown(() => app.close())
  await app.inject('/nowhere?token=secret')
  t.match(lines.map(({ msg }) => msg), ['incoming request', 'Route GET:/nowhere?token=*** not found', 'request completed'])
  t.notMatch(JSON.stringify(lines), 'secret')
})

t.test('a name that cannot be masked is refused at register', async t => {
  const cases: [mask: unknown, message: string][] = [
    ['token', 'gateway: log.mask: "token" must be an array of names, or false for no masking'],
    [true, 'gateway: log.mask: true must be an array of names, or false for no masking'],
    [['ssn', 'a b'], 'gateway: log.mask[1]: "a b" is no name of a parameter; give one like ssn, *_ssn for all that end so, or !code to show a default one'],
    [[1], 'gateway: log.mask[0]: 1 is no name of a parameter; give a string like ssn']
  ]
  for (const [mask, message] of cases) {
    const app = Fastify()
    t.teardown(() => app.close())
    await t.rejects(Promise.resolve(app.register(gateway, { log: { mask } } as GatewayOptions)), { code: 'HOLDFAST_ERR_OPTION', message })
  }
  const app = Fastify()
  t.teardown(() => app.close())
  await t.rejects(Promise.resolve(app.register(gateway, { log: { masks: [] } } as GatewayOptions)), { message: 'gateway: log.masks: an array is unknown; did you mean mask?' })
})
