import { type IncomingMessage, ServerResponse } from 'node:http'
import { agent, fail, only, routed, serve } from './serve.js'

interface HttpProxy {
  web (request: IncomingMessage, response: ServerResponse, options?: { target: URL }): void
  on (event: 'error', listener: (error: Error, request: IncomingMessage, response: unknown) => void): void
}

const { default: { createProxyServer } } = await import('http-proxy' as string) as { default: { createProxyServer (options: object): HttpProxy } }
const proxy = createProxyServer({ target: only, agent: agent() })
proxy.on('error', (_error, _request, response) => {
  if (response instanceof ServerResponse) fail(response)
})

if (only === undefined) {
  const targetOf = routed((upstream) => new URL(upstream))
  serve((request, response) => proxy.web(request, response, { target: targetOf(request) }))
} else {
  serve((request, response) => proxy.web(request, response))
}
