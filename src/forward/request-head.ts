import type { FastifyRequest } from 'fastify'
import { requestHeaders } from '../http/headers.js'
import type { HeaderList } from '../http/headers.js'
import { hookChanges, isUntouched } from './hook-changes.js'
import { hiddenContentType } from '../admit/odd-content-type.js'
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
    joined: (raw as { joinDuplicateHeaders?: boolean | null }).joinDuplicateHeaders === true,
    hiddenType: hiddenContentType(raw),
    again
  })
  return hooked === undefined
    ? requestHeaders(raw.rawHeaders, raw.headers.connection, arrival)
    : requestHeaders(hooked.lines, hooked.connection, arrival, hooked.set)
}

const FROM_ANYWHERE = { 'x-forwarded-for': '192.0.2.1' }

// Fastify has no API that says whether it trusts a peer. Its `ips` shows it: the list ends at the first address that is not trusted. The
// request's own X-Forwarded-For does not serve, since a trusted peer may not have sent one, and a hook may have deleted it.
function trustsPeer (request: FastifyRequest): boolean {
  // Requests have `ips` only where `trustProxy` is set.
  if (!('ips' in request)) return false
  const ips = Reflect.get(request, 'ips', { raw: { socket: request.raw.socket, headers: FROM_ANYWHERE } }) as string[] | undefined
  return ips !== undefined && ips.length > 1
}
