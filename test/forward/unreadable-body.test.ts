// Regression: a preParsing hook's stream that failed while a later hook ran ended the process. If it failed during the forwarding, a client
// that had not left got a 499.
import { createGunzip } from 'node:zlib'
import type { Gunzip } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { persistent } from '../../testing/behaviours.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'

const REQUEST = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 8\r\n\r\nnot gzip'

for (const [when, early] of [['before it is forwarded', true], ['as it is forwarded', false]] as const) {
  for (const [what, statusCode] of [['an error of its own', undefined], ['an error with a status', 415]] as const) {
    t.test(`a body that a hook cannot decompress, by ${what} ${when}, is answered as the client's fault`, async t => {
      const backend = await backendFor(t, persistent())
      const { port } = await gatewayFor(t, {
        routes: [{ upstream: backend.url }],
        before: app => {
          let body: Gunzip
          app.addHook('preParsing', async (_request, _reply, payload) => {
            body = createGunzip()
            // As @fastify/compress does.
            if (statusCode !== undefined) body.on('error', error => { Object.assign(error, { statusCode }) })
            return payload.pipe(body)
          })
          if (early) app.addHook('preHandler', async () => await until(() => body.errored !== null))
        }
      })
      const client = await clientFor(t, { port })
      client.write(REQUEST)
      const response = await client.response()
      t.equal(response.status, statusCode ?? 400)
      if (statusCode === undefined) t.match(String(response.body), 'HOLDFAST_ERR_BAD_REQUEST')
      t.equal(backend.requests, 0)
    })
  }
}

t.test('a proxied route gets the gateway\'s preParsing hook only if the app has one that could replace a body', async t => {
  const backend = await backendFor(t, persistent())
  const hooked = async (before: (app: FastifyInstance) => void): Promise<number> => {
    const { app } = await gatewayFor(t, { routes: [{ upstream: backend.url }], before })
    const [line = ''] = /\(preParsing\) .*/.exec(app.printRoutes({ includeHooks: true })) ?? []
    return line === '' ? 0 : line.split(',').length
  }
  t.equal(await hooked(() => {}), 0, 'Fastify keeps its hooks elsewhere: each request runs one that it does not need')
  t.equal(await hooked(app => { app.addHook('preParsing', async (_request, _reply, payload) => payload) }), 2)
})
