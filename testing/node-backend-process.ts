import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { NodeBackendCounts, NodeBackendSetup } from './node-backend.js'

// The child process: a plain node:http server, with Node's keep-alive settings except for those in its argument.

const { size = 0, maxRequestsPerSocket = 0, keepAliveMs, tls } = JSON.parse(process.argv[2] ?? '{}') as NodeBackendSetup
const counts: NodeBackendCounts = { accepted: 0, closes: 0, askedToKeep: 0, handshakes: 0 }
const served = new WeakMap<Socket, number>()
const pad = 'x'.repeat(size)

const answer: RequestListener = (request, response) => {
  if (request.headers.connection !== 'close') counts.askedToKeep++
  served.set(request.socket, (served.get(request.socket) ?? 0) + 1)
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify({ id: request.headers['x-id'], pad }))
}
const server = tls === undefined ? createServer(answer) : createSecureServer(tls, answer)
server.maxRequestsPerSocket = maxRequestsPerSocket
if (keepAliveMs !== undefined) server.keepAliveTimeout = keepAliveMs
server.on('connection', () => { counts.accepted++ })
server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
  let leftByClient = false
  socket.once('end', () => { leftByClient = true })
  socket.once('close', () => {
    // At its limit of requests it said close, and either side may close first.
    if (!leftByClient || served.get(socket) === maxRequestsPerSocket) counts.closes++
  })
})
server.on('secureConnection', () => { counts.handshakes++ })
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}` })
})
process.on('message', () => process.send?.(counts))
process.once('disconnect', () => process.exit())
