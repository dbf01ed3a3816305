import { X509Certificate } from 'node:crypto'

const BEGIN = '-----BEGIN '
const DASHES = '-----'

/**
 * What keeps a text from being certificates in PEM, or undefined. OpenSSL reads a `ca` up to the first thing that it does not
 * understand, and says nothing: a file that is cut, or is something else, is an authority less, or none.
 */
export function faultOfCertificates (pem: string): string | undefined {
  let certificates = 0
  for (const { label, text } of blocksOf(pem)) {
    if (text === undefined) return 'is cut: a block has no END line'
    if (!label.endsWith('CERTIFICATE')) continue
    certificates++
    if (certificateOf(text) === undefined) return `cannot be read: certificate ${certificates} is damaged`
  }
  return certificates === 0 ? 'holds no certificate in PEM' : undefined
}

/** What is given as PEM, as text; undefined where it is neither a string nor bytes. */
export function textOfPem (given: unknown): string | undefined {
  if (typeof given === 'string') return given
  return ArrayBuffer.isView(given) ? Buffer.from(given.buffer, given.byteOffset, given.byteLength).toString('latin1') : undefined
}

/** The certificates of a text in PEM, in their order. What is no certificate, or cannot be read, is left out. */
export function certificatesIn (pem: string): X509Certificate[] {
  const certificates: X509Certificate[] = []
  for (const { label, text } of blocksOf(pem)) {
    const certificate = text === undefined || !label.endsWith('CERTIFICATE') ? undefined : certificateOf(text)
    if (certificate !== undefined) certificates.push(certificate)
  }
  return certificates
}

/** The blocks of a text in PEM. `text` is a whole block; undefined where the block has no end. */
function * blocksOf (pem: string): Generator<{ label: string, text: string | undefined }> {
  for (const block of pem.split(BEGIN).slice(1)) {
    const label = block.slice(0, Math.max(0, block.indexOf(DASHES)))
    const tail = `${DASHES}END ${label}${DASHES}`
    const end = block.indexOf(tail)
    yield { label, text: label === '' || end === -1 ? undefined : `${BEGIN}${block.slice(0, end)}${tail}\n` }
  }
}

function certificateOf (pem: string): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(pem)
    return certificate.raw.length > 0 ? certificate : undefined
  } catch {
    return undefined
  }
}
