import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import t from 'tap'
import { HTTP_PROXY_NAMES, checkHttpProxyOptions } from '../../src/options/http-proxy.js'
import { REPLY_OPTION_NAMES } from '../../src/options/reply-option-names.js'
import { gatewayFor } from '../../testing/gateway.js'

const UPSTREAM = 'http://127.0.0.1:9'
const require = createRequire(import.meta.url)
const TYPES = { '@fastify/http-proxy': 'FastifyHttpProxyOptions', '@fastify/reply-from': 'FastifyReplyFromOptions' }

/** Names of an interface's members, read from a package's declarations. */
function namesOf (name: string, of: string): string[] {
  const path = require.resolve(name).replace(/index\.js$/, 'types/index.d.ts')
  const body = readFileSync(path, 'utf8').split(`interface ${of} `)[1]!.split('\n  }')[0]!
  return [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, member]) => member!)
}

t.test('every option that http-proxy and reply-from declare is known', async t => {
  const declared = Object.entries(TYPES).flatMap(([name, of]) => namesOf(name, of))
  t.ok(declared.includes('upstream') && declared.includes('retryMethods'), 'the reader of declarations reads')
  t.strictSame(declared.filter(name => !HTTP_PROXY_NAMES.includes(name)), [])
})

t.test('replyOptions takes what reply-from declares for reply.from(), and refuses another name with the nearest one', async t => {
  t.strictSame([...REPLY_OPTION_NAMES].sort(), [...namesOf('@fastify/reply-from', 'FastifyReplyFromHooks'), 'maxRetriesOn503'].sort())
  const check = (replyOptions: object | null) => () => checkHttpProxyOptions({ replyOptions })
  const code = 'HOLDFAST_ERR_OPTION'
  for (const [name, right] of [['rewriteRequestHeader', 'rewriteRequestHeaders'], ['getUpstrem', 'getUpstream'], ['onErorr', 'onError']] as const) {
    t.throws(check({ [name]: () => ({}) }), { code, message: `replyOptions.${name}: a function is unknown; did you mean ${right}?` })
  }
  t.throws(check({ prefix: '/a' }), { code, message: 'replyOptions.prefix: "/a" is unknown; it is an option of proxy' })
  for (const options of [null, {}, { timeout: 5, getUpstream: undefined, getUpstrem: undefined }]) t.doesNotThrow(check(options))
})

t.test('options without an effect are warned about and not refused, in replyOptions too', async t => {
  const ignored = { retryMethods: ['GET'], retriesCount: 2, retryDelay: () => null, maxRetriesOn503: 1, base: UPSTREAM, balancedPoolOptions: {}, sessionTimeout: 5 }
  for (const [name, value] of Object.entries(ignored)) {
    for (const options of [{ [name]: value }, { replyOptions: { [name]: value } }]) {
      const { log } = await gatewayFor(t, { routes: [{ upstream: UPSTREAM, prefix: '/a', ...options }] })
      t.match(log, [{ code: 'HOLDFAST_WARN_OPTION_IGNORED', route: '/a', msg: new RegExp(`^${name} has no effect: `) }], name)
    }
  }
})
