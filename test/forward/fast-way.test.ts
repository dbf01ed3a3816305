import Fastify from 'fastify'
import t from 'tap'
import { gateway, proxy } from '../../src/index.js'
import type { ProxyOptions } from '../../src/index.js'
import { startBackend } from '../../testing/backend.js'
import { rawClient } from '../../testing/client.js'

// What a request line may have after the prefix.
const PATHS = ['', '/', '/a', '/a/', '/a/b.c', '/a//b', '//a', '/.a', '/./a', '/a/.', '/a/..', '/../a', '/..%2fa', '/%2e%2e/a', '/a%2fb', '/a%20b', '/%', '/%zz',
  '/a\\..\\b', '/a;b=c', '/a:b@c', "/!$&'()*+,=", '/~', '/a"b', '/a{b}', '/a|b', '/a?b=c', '/a?b=../c', '/?', '/a?b=c?d', '?x', '/a#b', '/a%00b']

async function destinations (options: ProxyOptions): Promise<string[]> {
  const seen: string[] = []
  const backend = await startBackend((request, connection) => connection.reply({ body: request.path }))
  const app = Fastify()
  await app.register(gateway)
  await app.register(proxy, { ...options, upstream: backend.url + (options.upstream ?? '') })
  await app.listen({ port: 0, host: '127.0.0.1' })
  for (const path of PATHS) {
    const client = await rawClient((app.server.address() as { port: number }).port)
    client.write(`GET ${options.prefix ?? ''}${path || '/'} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    const { status, body } = await client.response()
    seen.push(status === 200 ? body.toString() : String(status))
    client.destroy()
  }
  await app.close()
  await backend.close()
  return seen
}

for (const [title, options] of Object.entries<ProxyOptions>({
  'a prefix': { prefix: '/api' },
  'the root': {},
  'an upstream with a path': { prefix: '/api', upstream: '/base' },
  'a rewritten prefix': { prefix: '/api', rewritePrefix: '/other' }
})) {
  t.test(`with ${title}, the fast way forwards each path to the same place as the careful way`, async t => {
    const fast = await destinations(options)
    // With a preRewrite, even one that changes nothing, every path takes the careful way.
    const careful = await destinations({ ...options, preRewrite: url => url })
    for (const [i, path] of PATHS.entries()) t.equal(fast[i], careful[i], path)
    t.ok(fast.some(destination => destination.startsWith('/')), 'some arrived')
    t.ok(fast.includes('400'), 'some were refused')
  })
}
