import type { X509Certificate } from 'node:crypto'
import type { ConnectFunction } from './connect-types.js'
import type { ConnectOptions } from './option-types.js'
import { certificatesIn, textOfPem } from './pem.js'

// A snapshot of a target may be asked for each second. The options of a target are never changed, only replaced.
const ends = new WeakMap<object, number | undefined>()

/**
 * When the first of some certificates ends (`notAfter`), in ms since 1970. A chain is of no use from then on. Undefined where there is
 * none.
 */
export function earliestEnd (certificates: Iterable<X509Certificate>): number | undefined {
  let earliest = Infinity
  for (const { validTo } of certificates) {
    const end = Date.parse(validTo)
    if (!Number.isNaN(end)) earliest = Math.min(earliest, end)
  }
  return earliest === Infinity ? undefined : earliest
}

/**
 * When the first certificate of `connect.cert` ends, in ms since 1970: the one that a target shows to its backend. Undefined without a
 * `cert`, and where Holdfast cannot read the certificate: in a `pfx`, in a `secureContext`, and behind a `connect` function.
 */
export function clientCertificateEnd (connect: ConnectOptions | ConnectFunction): number | undefined {
  if (typeof connect === 'function' || connect.cert === undefined) return undefined
  if (!ends.has(connect)) ends.set(connect, earliestEnd([connect.cert].flat().flatMap(pem => certificatesIn(textOfPem(pem) ?? ''))))
  return ends.get(connect)
}
