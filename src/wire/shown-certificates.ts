import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { earliestEnd } from '../options/certificate-end.js'

// A backend may send any number of certificates. Real chains have two to four.
const LONGEST_CHAIN = 16

/**
 * When the first certificate ends of the chain that a backend has shown in its handshake, in ms since 1970. Undefined where the handshake
 * resumed a session: then the backend has shown none.
 */
export function endOfShown (socket: TLSSocket): number | undefined {
  return socket.isSessionReused() ? undefined : earliestEnd(chainOf(socket))
}

function * chainOf (socket: TLSSocket): Generator<X509Certificate> {
  let certificate = socket.getPeerX509Certificate()
  for (let n = 0; n < LONGEST_CHAIN && certificate !== undefined; n++) {
    yield certificate
    certificate = certificate.issuerCertificate
  }
}
