import type { AddressInfo } from 'node:net'

/** The URL of the address that a server is bound to: http://0.0.0.0:8080 for one that listens on all addresses. */
export function boundUrl ({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
