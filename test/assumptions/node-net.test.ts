// What src/quirks/node-net.ts relies on of Node's servers, asked of Node alone.
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttp2Server, createSecureServer as createSecureHttp2Server } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { Server, createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import t from 'tap'

t.test('a server of any kind listens by the method of net.Server, and by no other', async t => {
  const { listen } = Server.prototype
  t.teardown(() => { Server.prototype.listen = listen })
  const asked: unknown[] = []
  Server.prototype.listen = function (this: Server, ...given: unknown[]) {
    asked.push(given[0])
    return this
  } as typeof listen
  const kinds: Record<string, () => unknown> = {
    createServer, createHttpServer, createHttpsServer, createHttp2Server, createSecureHttp2Server, createTlsServer
  }
  for (const [kind, create] of Object.entries(kinds)) {
    const server = create() as Server
    t.ok(server.listen(kind) === server)
    t.equal(server.listening, false, kind)
  }
  t.strictSame(asked, Object.keys(kinds))
})

t.test('address of a server may be one that it was given', async t => {
  const server = createHttpServer()
  server.address = () => ({ address: '127.0.0.1', family: 'IPv4', port: 1 })
  t.same(server.address(), { address: '127.0.0.1', family: 'IPv4', port: 1 })
})
