import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { NodeBackendSetup } from './node-backend.js'

// The child process: a plain node:http server, with Node's own keep-alive settings but for those given in its argument.

const { size = 0, maxRequestsPerSocket = 0 } = JSON.parse(process.argv[2] ?? '{}') as NodeBackendSetup
const counts = { accepted: 0, closes: 0, askedToKeep: 0 }
const served = new WeakMap<Socket, number>()
const pad = 'x'.repeat(size)

const server = createServer((request, response) => {
  if (request.headers.connection !== 'close') counts.askedToKeep++
  served.set(request.socket, (served.get(request.socket) ?? 0) + 1)
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify({ id: request.headers['x-id'], pad }))
})
server.maxRequestsPerSocket = maxRequestsPerSocket
server.on('connection', (socket) => {
  counts.accepted++
  let leftByClient = false
  socket.once('end', () => { leftByClient = true })
  socket.once('close', () => {
    // At its limit it has said so, and either side may be the first to close.
    if (!leftByClient || served.get(socket) === maxRequestsPerSocket) counts.closes++
  })
})
server.listen(0, '127.0.0.1', () => process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
process.on('message', () => process.send?.(counts))
process.once('disconnect', () => process.exit())
