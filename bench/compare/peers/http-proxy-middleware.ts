import type { IncomingMessage, RequestListener } from 'node:http'
import { agent, only, routed, serve } from './serve.js'

const { createProxyMiddleware } = await import('http-proxy-middleware' as string) as { createProxyMiddleware (options: object): RequestListener }

if (only === undefined) {
  const targetOf = routed((upstream) => upstream)
  const targets = new WeakMap<IncomingMessage, string>()
  const middleware = createProxyMiddleware({ target: 'http://unused.invalid', agent: agent(), router: (request: IncomingMessage) => targets.get(request) })
  serve((request, response) => {
    targets.set(request, targetOf(request))
    middleware(request, response)
  })
} else {
  serve(createProxyMiddleware({ target: only, agent: agent() }))
}
