import type { IncomingMessage, ServerResponse } from 'node:http'
import { agent, fail, only, routed, serve } from './serve.js'

interface Httpxy { web (request: IncomingMessage, response: ServerResponse, options?: { target: URL }): Promise<void> }

const { createProxyServer } = await import('httpxy' as string) as { createProxyServer (options: object): Httpxy }
// The server's options override those of the request, even where they are undefined.
const proxy = createProxyServer(only === undefined ? { agent: agent() } : { target: only, agent: agent() })

if (only === undefined) {
  const targetOf = routed((upstream) => new URL(upstream))
  serve((request, response) => { proxy.web(request, response, { target: targetOf(request) }).catch(() => fail(response)) })
} else {
  serve((request, response) => { proxy.web(request, response).catch(() => fail(response)) })
}
