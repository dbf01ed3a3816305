import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import Fastify from 'fastify'
import type { NodeBackendName } from './early-answers-backends.js'

// The child process: a backend that answers an upload without reading it. Arguments: its name, and a key and certificate for TLS.

const BODY_LIMIT = 60_000
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly'
// How long a slow server waits before it closes, without reading what its client sends meanwhile; in ms.
const LATER = 20

const [, , name, tls] = process.argv
const credentials = tls === undefined ? undefined : JSON.parse(tls) as { cert: string, key: string }
const url = await listening(name as NodeBackendName)
process.once('disconnect', () => process.exit())
process.send?.({ url })

async function listening (name: NodeBackendName): Promise<string> {
  switch (name) {
    case 'fastify': return await fastify()
    case 'node': return await listen(node((_request, response) => { response.end('early') }))
    case 'node-close': return await listen(node((_request, response) => { response.writeHead(200, { Connection: 'close' }).end('early') }))
    case 'closes': return await listen(scripted(0))
    case 'closes-later': return await listen(scripted(LATER))
  }
}

async function fastify (): Promise<string> {
  const app = Fastify({ bodyLimit: BODY_LIMIT, ...credentials === undefined ? {} : { https: credentials } } as { bodyLimit: number })
  app.post('/', async () => 'taken')
  return await app.listen({ host: '127.0.0.1', port: 0 })
}

function node (answer: RequestListener): Server {
  return credentials === undefined ? createServer(answer) : createSecureServer(credentials, answer)
}

/** Answers at the first bytes, and closes with the rest unread, as unicorn and uWSGI do. The kernel then sends an RST. */
function scripted (ms: number): Server {
  return createTcpServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.pause()
      socket.write(ANSWER, () => {
        if (ms === 0) socket.destroy()
        else setTimeout(() => socket.destroy(), ms)
      })
    })
  })
}

async function listen (server: Server): Promise<string> {
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  return `${credentials === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`
}
