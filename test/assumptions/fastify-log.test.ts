// What src/quirks/fastify-log.ts relies on of Fastify's loggers, asked of Fastify alone.
import Fastify from 'fastify'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import t from 'tap'

interface Line { readonly msg: string, readonly mark?: string }

/** An app whose log lines are kept. */
function logging (): { app: FastifyInstance, lines: Line[] } {
  const lines: Line[] = []
  const app = Fastify({ logger: { level: 'info', stream: { write: (line: string) => { lines.push(JSON.parse(line) as Line) } } } })
  return { app: app as unknown as FastifyInstance, lines }
}

t.test('the lines of a request are written with the logger that its reply has then', async t => {
  const { app, lines } = logging()
  t.teardown(() => app.close())
  app.get('/', (_request, reply) => {
    reply.log = reply.log.child({ mark: 'ours' })
    return 'text'
  })
  app.get('/failed', (_request, reply) => {
    reply.log = reply.log.child({ mark: 'ours' })
    throw new Error('failed')
  })
  await app.inject('/')
  await app.inject('/failed')
  t.same(lines.map(({ msg, mark }) => [msg, mark]), [
    ['incoming request', undefined], ['request completed', 'ours'],
    ['incoming request', undefined], ['failed', 'ours'], ['request completed', 'ours']
  ])
})

t.test('the logger of an app is pino, which knows whether it writes a level, and a request has a level of its own', async t => {
  const { app, lines } = logging()
  t.teardown(() => app.close())
  app.get('/', ({ log }) => {
    t.ok('isLevelEnabled' in log)
    const { isLevelEnabled } = log as FastifyBaseLogger & { isLevelEnabled (level: string): boolean }
    t.equal(isLevelEnabled.call(log, 'info'), true)
    log.level = 'warn'
    t.equal(isLevelEnabled.call(log, 'info'), false)
    return 'text'
  })
  await app.inject('/')
  t.equal(app.log.level, 'info')
  t.same(lines.map(({ msg }) => msg), ['incoming request'])
})

t.test('an app without a logger has one for all of its requests, which has no level', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const loggers = new Set<unknown>([app.log])
  app.get('/', ({ log }, reply) => {
    loggers.add(log).add(reply.log)
    t.notOk('isLevelEnabled' in log)
    t.equal(log.level, undefined)
    return 'text'
  })
  await app.inject('/')
  await app.inject('/')
  t.equal(loggers.size, 1)
})
