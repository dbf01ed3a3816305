import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BACKLOG, CONNECTIONS, leaveNothing, ready, setup } from './serve.js'

// fast-gateway has its own router; its proxy is fast-proxy-lite, with an agent a route.

interface Service { getServer (): Server }

const { default: gateway } = await import('fast-gateway' as string) as { default (options: object): Service }
const server = gateway({
  routes: setup.routes.map(({ prefix, upstream }) => ({
    prefix,
    target: upstream,
    methods: ['GET', 'POST'],
    hooks: { onClientConnectionTerminated: leaveNothing },
    proxyConfig: { maxSockets: CONNECTIONS, ca: setup.ca }
  }))
}).getServer()
server.listen({ host: '127.0.0.1', port: 0, backlog: BACKLOG }, () => ready(server.address() as AddressInfo))
