import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

const REQUEST_ID = 'x-request-id'

const NOMINATED = /x-request-id/i

// One that could not be written into a header or a line of a log as it is, or would fill it, is nobody's id.
const SANE = /^[\x21-\x7e]{1,200}$/

/** The id that a request came with; a new one where it had none, or none that is 1 to 200 visible ASCII characters. */
export function requestIdOf ({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers[REQUEST_ID]
  return typeof given === 'string' && SANE.test(given) ? given : randomUUID()
}

/**
 * Has a request say that id, and no other, to whoever reads its headers from here on; a client's `Connection` cannot keep it on its hop.
 */
export function setRequestId ({ headers, rawHeaders }: Pick<IncomingMessage, 'headers' | 'rawHeaders'>, id: string): void {
  const { connection } = headers
  if (connection !== undefined && NOMINATED.test(connection)) {
    headers.connection = withoutRequestId(connection)
    // What the two disagree on would be taken for a hook's.
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (rawHeaders[i]!.toLowerCase() === 'connection') rawHeaders[i + 1] = withoutRequestId(rawHeaders[i + 1]!)
    }
  }
  if (headers[REQUEST_ID] === id) return
  headers[REQUEST_ID] = id
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
    if (rawHeaders[i]!.toLowerCase() === REQUEST_ID) rawHeaders.splice(i, 2)
  }
  rawHeaders.push(REQUEST_ID, id)
}

/** Backends and clients are told the id under which a request is logged. */
export function passRequestIds (app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    setRequestId(request.raw, request.id)
    // A 101 passes no onSend hook.
    reply.header(REQUEST_ID, request.id)
    done()
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    // A backend's own would be in its place.
    reply.header(REQUEST_ID, request.id)
    done()
  })
}

function withoutRequestId (connection: string): string {
  return connection.split(',').filter(option => option.trim().toLowerCase() !== REQUEST_ID).join(',')
}
