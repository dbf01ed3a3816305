import { X509Certificate } from 'node:crypto'

const BEGIN = '-----BEGIN '
const DASHES = '-----'

/**
 * What keeps a text from being certificates in PEM, or undefined. OpenSSL reads a `ca` up to the first thing that it does not
 * understand, and says nothing: a file that is cut, or is something else, is an authority less, or none.
 */
export function faultOfCertificates (pem: string): string | undefined {
  let certificates = 0
  for (const block of pem.split(BEGIN).slice(1)) {
    const label = block.slice(0, Math.max(0, block.indexOf(DASHES)))
    const tail = `${DASHES}END ${label}${DASHES}`
    const end = block.indexOf(tail)
    if (label === '' || end === -1) return 'is cut: a block has no END line'
    if (!label.endsWith('CERTIFICATE')) continue
    certificates++
    if (!isCertificate(`${BEGIN}${block.slice(0, end)}${tail}\n`)) return `cannot be read: certificate ${certificates} is damaged`
  }
  return certificates === 0 ? 'holds no certificate in PEM' : undefined
}

function isCertificate (pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}
