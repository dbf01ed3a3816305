import type { FastifyRequest } from 'fastify'
import { requestHeaders } from '../http/headers.js'
import type { HeaderList } from '../http/headers.js'
import { hookChanges, isUntouched } from '../http/hook-changes.js'
import { hiddenContentType } from '../quirks/fastify-content-type.js'
import { trustsPeer } from '../quirks/fastify-trust.js'
import { joinsDuplicates } from '../quirks/node-http-headers.js'
import { setAgain } from './set-again.js'

/**
 * Step 3: the headers of a request as its backend gets them: what the client sent, what hooks of the app have made of that, and what the gateway says.
 *
 * @param via whether `Via` is to say that it has passed here
 */
export function headersFor (request: FastifyRequest, via: boolean): HeaderList {
  const { raw } = request
  const arrival = { peer: raw.socket?.remoteAddress, trusted: trustsPeer(request), host: request.host, protocol: request.protocol, via }
  const again = setAgain(raw.headers)
  // Most often.
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
