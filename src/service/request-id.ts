import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

const REQUEST_ID = 'x-request-id'

const NOMINATED = /x-request-id/i

// An id that cannot stand in a header or in a log line, or would fill it, is not taken.
const SANE = /^[\x21-\x7e]{1,200}$/

/** The id that a request came with, if it is 1 to 200 visible ASCII characters; else a new one. */
export function requestIdOf ({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers[REQUEST_ID]
  return typeof given === 'string' && SANE.test(given) ? given : randomUUID()
}

/**
 * Sets the id in the headers of a request, in place of any other, so that backends get it. A client's `Connection` header that names
 * `X-Request-Id` would remove it, so the name is taken out there.
 */
export function setRequestId ({ headers, rawHeaders }: Pick<IncomingMessage, 'headers' | 'rawHeaders'>, id: string): void {
  const { connection } = headers
  if (connection !== undefined && NOMINATED.test(connection)) {
    headers.connection = withoutRequestId(connection)
    // `rawHeaders` must agree with `headers`: a difference would be read as a change by a hook.
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

/** Sends the id under which a request is logged to its backend and to its client. */
export function passRequestIds (app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    setRequestId(request.raw, request.id)
    // Set here too: no `onSend` hook runs for a 101.
    reply.header(REQUEST_ID, request.id)
    done()
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    // The response of a backend may have set its own.
    reply.header(REQUEST_ID, request.id)
    done()
  })
}

function withoutRequestId (connection: string): string {
  return connection.split(',').filter(option => option.trim().toLowerCase() !== REQUEST_ID).join(',')
}
