/** The host of a URL as sockets take it: an IPv6 address without its brackets. */
export function bareHost ({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '')
}
