import { Agent, createServer, type IncomingMessage, type RequestListener, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

// The child process: npm's http-proxy with a keep-alive agent, as its documentation recommends. `/0/...` goes to the first upstream of its
// one argument, `/1/...` to the second, and so on.

interface HttpProxy {
  web (request: IncomingMessage, response: ServerResponse, options: { target: string }): void
  on (event: 'error', listener: (error: Error, request: IncomingMessage, response: unknown) => void): void
}

const { createProxyServer } = createRequire(join(import.meta.dirname, '../compare/peers/package.json'))('http-proxy') as { createProxyServer (options: object): HttpProxy }
const upstreams = JSON.parse(process.argv[2] ?? '[]') as string[]
const proxy = createProxyServer({ agent: new Agent({ keepAlive: true, timeout: 60_000 }) })
proxy.on('error', (_error, _request, response) => {
  if (response instanceof ServerResponse && !response.headersSent) response.writeHead(502).end()
})

const serve: RequestListener = (request, response) => {
  const [, index = '', rest = ''] = /^\/(\d+)(\/.*)$/.exec(request.url ?? '') ?? []
  request.url = rest
  proxy.web(request, response, { target: upstreams[Number(index)] ?? '' })
}
const server = createServer({ keepAliveTimeout: 72_000 }, serve)
server.listen(0, '127.0.0.1', () => process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
process.once('disconnect', () => process.exit())
