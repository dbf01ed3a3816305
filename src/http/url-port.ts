/** The port of an http: or https: URL: the one that it has, or that of its scheme. */
export function urlPort ({ port, protocol }: URL): number {
  return Number(port) || defaultPort(protocol)
}

/** @param protocol `http:` or `https:` */
export function defaultPort (protocol: string): number {
  return protocol === 'https:' ? 443 : 80
}
