import type { IncomingMessage, ServerResponse } from 'node:http'
import { CONNECTIONS, leaveNothing, routed, serve, setup } from './serve.js'

// fast-proxy-lite keeps connections without being told.

interface FastProxy { proxy (request: IncomingMessage, response: ServerResponse, source: string, options: object): void }

const { default: fastProxy } = await import('fast-proxy-lite' as string) as { default (options: object): FastProxy }
const { proxy } = fastProxy({ maxSockets: CONNECTIONS, ca: setup.ca })
const optionsOf = routed((base) => ({ base, onClientConnectionTerminated: leaveNothing }))

serve((request, response) => {
  const options = optionsOf(request)
  proxy(request, response, request.url ?? '', options)
})
