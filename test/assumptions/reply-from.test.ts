// What src/quirks/reply-from.ts relies on of @fastify/reply-from, asked of it alone.
import { Readable } from 'node:stream'
import replyFrom from '@fastify/reply-from'
import type { FastifyReplyFromOptions } from '@fastify/reply-from'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import { Dispatcher } from 'undici'

type Answer = (error: Error | null, response?: unknown) => void
type Asked = Record<string, unknown>

interface Setup {
  readonly request: (options: Asked, answer: Answer) => void
  /** Of the plugin. */
  readonly options?: object
  /** Of `reply.from()`. */
  readonly from?: object
  readonly logger?: object | boolean
}

/** An app whose backend is a function. */
async function app (t: Test, { request, options = {}, from = {}, logger = false }: Setup): Promise<FastifyInstance> {
  const app = Fastify({ logger: logger as false })
  t.teardown(() => app.close())
  await app.register(replyFrom, { base: 'http://backend.test', undici: { request }, ...options } as unknown as FastifyReplyFromOptions)
  app.get('/*', (_request, reply) => { reply.from('/a', from) })
  return app
}

const response = (statusCode: number): unknown => ({ statusCode, headers: {}, body: Readable.from(['text']) })

t.test('retryDelay without a delay stops every retry, that of a 503 too, which is asked again otherwise', async t => {
  for (const retryDelay of [undefined, () => null]) {
    let asked = 0
    const one = await app(t, {
      request: (_options, answer) => {
        asked++
        answer(null, response(asked === 1 ? 503 : 200))
      },
      from: { retryDelay }
    })
    t.equal((await one.inject('/')).statusCode, retryDelay === undefined ? 200 : 503)
    t.equal(asked, retryDelay === undefined ? 2 : 1)
  }
})

t.test('no retryMethods, no retries', async t => {
  let asked = 0
  const one = await app(t, {
    request: (_options, answer) => {
      asked++
      answer(null, response(503))
    },
    options: { retryMethods: [] }
  })
  t.equal((await one.inject('/')).statusCode, 503)
  t.equal(asked, 1)
})

t.test('onError is told an error that it does not know as one of its own, with that for its cause', async t => {
  const failure = Object.assign(new Error('failed'), { code: 'HOLDFAST_ERR_CONNECT', statusCode: 502 })
  let told: (Error & { statusCode?: number }) | undefined
  const one = await app(t, {
    request: (_options, answer) => answer(failure),
    from: {
      onError: (reply: FastifyReply, { error }: { error: Error }) => {
        told = error
        reply.code(502).send('text')
      }
    }
  })
  t.equal((await one.inject('/')).statusCode, 502)
  t.not(told, failure)
  t.equal(told?.cause, failure)
  t.equal(told?.statusCode, 500)
})

t.test('what onError is not asked for is answered with an error of its own', async t => {
  const one = await app(t, { request: (_options, answer) => answer(new Error('failed')) })
  t.match((await one.inject('/')).json(), { statusCode: 500, message: 'failed' })
})

t.test('it logs what it reports to onError, at warn', async t => {
  const lines: { level: number, msg: string }[] = []
  const one = await app(t, {
    request: (_options, answer) => answer(new Error('failed')),
    from: { onError: (reply: FastifyReply) => { reply.send('text') } },
    logger: { level: 'warn', stream: { write: (line: string) => { lines.push(JSON.parse(line) as never) } } }
  })
  await one.inject('/')
  t.match(lines, [{ level: 40 }])
})

t.test('it warns of multipart by hasPlugin of the scope that it is registered in, once the app is ready', async t => {
  for (const hidden of [false, true]) {
    const lines: { msg: string }[] = []
    const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => { lines.push(JSON.parse(line) as never) } } } })
    t.teardown(() => app.close())
    const asked: string[] = []
    await app.register(async scope => {
      const { hasPlugin } = scope
      scope.hasPlugin = (name: string) => {
        asked.push(name)
        return name === '@fastify/multipart' ? !hidden : hasPlugin.call(scope, name)
      }
      await scope.register(replyFrom, { base: 'http://backend.test' })
    })
    const before = asked.filter(name => name === '@fastify/multipart').length
    await app.ready()
    t.equal(before, 0)
    t.same(asked.filter(name => name === '@fastify/multipart').length, 1)
    t.equal(lines.length, hidden ? 0 : 1)
  }
})

t.test('it decorates the replies of its scope with from, by decorateReply', async t => {
  const names: unknown[] = []
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(async scope => {
    const { decorateReply } = scope
    scope.decorateReply = function (this: FastifyInstance, ...given: unknown[]) {
      names.push(given[0])
      return Reflect.apply(decorateReply, this, given) as FastifyInstance
    } as typeof decorateReply
    await scope.register(replyFrom, { base: 'http://backend.test' })
  })
  t.same(names, ['from'])
})

t.test('it asks a dispatcher of any copy of undici by request, with the origin of what getUpstream chose, and leaves it open', async t => {
  class Asking extends Dispatcher {
    readonly asked: unknown[] = []
    ended = 0
    override dispatch ({ origin, path }: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      this.asked.push(String(origin), path)
      const ignore = (): void => {}
      handler.onRequestStart?.({ abort: ignore, pause: ignore, resume: ignore } as never, undefined)
      handler.onConnect?.(ignore)
      handler.onError?.(new Error('asked'))
      handler.onResponseError?.(undefined as never, new Error('asked'))
      return true
    }

    override async close (): Promise<void> { this.ended++ }
    override async destroy (): Promise<void> { this.ended++ }
  }
  const dispatcher = new Asking()
  const app = Fastify()
  await app.register(replyFrom, { base: '', undici: dispatcher } as unknown as FastifyReplyFromOptions)
  app.get('/*', (_request, reply) => { reply.from('/a', { getUpstream: () => 'http://chosen.test' }) })
  await app.inject('/')
  t.same(dispatcher.asked, ['http://chosen.test', '/a'])
  await app.close()
  t.equal(dispatcher.ended, 0)
})
