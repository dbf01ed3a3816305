import type { FastifyRequest } from 'fastify'
import { requestHeaders } from '../http/headers.js'
import type { HeaderList } from '../http/headers.js'
import { hiddenContentType } from '../quirks/fastify-content-type.js'
import { trustsPeer } from '../quirks/fastify-trust.js'
import { joinsDuplicates } from '../quirks/node-http-headers.js'
import { hookChanges, isUntouched } from './hook-changes.js'
import { setAgain } from './set-again.js'

/**
 * Step 3: the headers that a backend gets: those of the client, as hooks of the app have changed them, and those that the gateway adds.
 *
 * @param via whether to add this gateway to `Via`
 */
export function headersFor (request: FastifyRequest, via: boolean): HeaderList {
  const { raw } = request
  const arrival = { peer: raw.socket?.remoteAddress, trusted: trustsPeer(request), host: request.host, protocol: request.protocol, via }
  const again = setAgain(raw.headers)
  // Most requests: no hook has changed a header.
  if (again === undefined && isUntouched(raw.rawHeaders, request.headers)) return requestHeaders(raw.rawHeaders, raw.headers.connection, arrival)
  const hooked = hookChanges(raw.rawHeaders, request.headers, {
    http2: raw.httpVersionMajor === 2,
    joined: joinsDuplicates(raw),
    hiddenType: hiddenContentType(raw),
    again
  })
  return hooked === undefined
    ? requestHeaders(raw.rawHeaders, raw.headers.connection, arrival)
    : requestHeaders(hooked.lines, hooked.connection, arrival, hooked.set)
}
