import { createHmac } from 'node:crypto'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const CHARACTERS = 10
// Used where the app has no secret for ids.
const NO_SECRET = 'holdfast endpoint id, 1'

/**
 * The opaque id of an endpoint: `e` and ten characters of base32, from the HMAC-SHA-256 of its address. It is the same in all replicas that
 * have the same secret, and at each start, so cookies, log lines and Proxy-Status of all of them agree. It is a token of RFC 8941 and of
 * RFC 9110. Two of 10 000 addresses have the same id once in about 20 million sets.
 *
 * An id does not show the address. Without a secret, a person who can guess the address can tell that the guess is right. Give a secret
 * where clients see ids and must not find that out.
 *
 * @param address `host:port` of an endpoint, or the path of its socket; its case does not count
 */
export function endpointId (address: string, secret: string = NO_SECRET): string {
  const digest = createHmac('sha256', secret).update(address.toLowerCase()).digest()
  let bits = digest.readBigUInt64BE()
  let id = ''
  for (let n = 0; n < CHARACTERS; n++) {
    id += ALPHABET[Number(bits & 31n)]
    bits >>= 5n
  }
  return `e${id}`
}
