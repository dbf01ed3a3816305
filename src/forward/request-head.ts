import type { FastifyRequest } from 'fastify'
import { requestHeaders } from '../http/headers.js'
import type { HeaderList } from '../http/headers.js'
import { hookChanges, isUntouched } from '../http/hook-changes.js'
import { hiddenContentType } from '../admit/odd-content-type.js'
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
    joined: (raw as { joinDuplicateHeaders?: boolean | null }).joinDuplicateHeaders === true,
    hiddenType: hiddenContentType(raw),
    again
  })
  return hooked === undefined
    ? requestHeaders(raw.rawHeaders, raw.headers.connection, arrival)
    : requestHeaders(hooked.lines, hooked.connection, arrival, hooked.set)
}

const FROM_ANYWHERE = { 'x-forwarded-for': '192.0.2.1' }

// Fastify's trustProxy tells whom it trusts only by what it makes of an X-Forwarded-For: it trims the addresses at the first one that it does
// not trust. A trusted peer need not have sent one, and a hook may have deleted it.
function trustsPeer (request: FastifyRequest): boolean {
  // Fastify gives its requests that only where somebody is trusted.
  if (!('ips' in request)) return false
  const ips = Reflect.get(request, 'ips', { raw: { socket: request.raw.socket, headers: FROM_ANYWHERE } }) as string[] | undefined
  return ips !== undefined && ips.length > 1
}
