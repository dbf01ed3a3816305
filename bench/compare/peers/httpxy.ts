import type { IncomingMessage, ServerResponse } from 'node:http'
import { agent, fail, only, routed, serve } from './serve.js'

interface Httpxy { web (request: IncomingMessage, response: ServerResponse, options?: { target: URL }): Promise<void> }

const { createProxyServer } = await import('httpxy' as string) as { createProxyServer (options: object): Httpxy }
// An option of the server goes before one of the request, even if it is undefined.
const proxy = createProxyServer(only === undefined ? { agent: agent() } : { target: only, agent: agent() })

if (only === undefined) {
  const targetOf = routed((upstream) => new URL(upstream))
  serve((request, response) => { proxy.web(request, response, { target: targetOf(request) }).catch(() => fail(response)) })
} else {
  serve((request, response) => { proxy.web(request, response).catch(() => fail(response)) })
}
