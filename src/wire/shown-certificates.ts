import type { TLSSocket } from 'node:tls'
import { earliestEnd } from '../options/certificate-end.js'

/**
 * When the certificate ends that a backend has shown for itself in its handshake, in ms since 1970. Undefined where the handshake resumed a
 * session: then the backend has shown none.
 *
 * Those of its issuers do not count. The backend may send ones that are not on the verified path, such as a cross-certificate that has long
 * expired, and Node does not tell which are.
 */
export function endOfShown (socket: TLSSocket): number | undefined {
  const certificate = socket.isSessionReused() ? undefined : socket.getPeerX509Certificate()
  return certificate === undefined ? undefined : earliestEnd([certificate])
}
