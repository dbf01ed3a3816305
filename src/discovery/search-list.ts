/** What resolv.conf(5) says of names that are not complete. */
export interface SearchList { readonly domains: readonly string[], readonly ndots: number }

// As in glibc.
const MOST_NDOTS = 15

/** @param hostname this machine's own name: its domain is searched where resolv.conf names none */
export function searchListOf (resolvConf: string, hostname: string): SearchList {
  let domains: string[] | undefined
  let ndots = 1
  for (const line of resolvConf.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/)
    // The last one of both wins.
    if (keyword === 'search') domains = values
    if (keyword === 'domain') domains = values.slice(0, 1)
    if (keyword !== 'options') continue
    const given = values.findLast(value => /^ndots:\d+$/.test(value))
    if (given !== undefined) ndots = Math.min(Number(given.slice('ndots:'.length)), MOST_NDOTS)
  }
  domains ??= hostname.includes('.') ? [hostname.slice(hostname.indexOf('.') + 1)] : []
  return { domains: domains.map(domain => domain.replace(/\.$/, '')).filter(domain => domain !== ''), ndots }
}

/** The names to ask for, in order: in a cluster, `users` is found by the search list only. A name with a trailing dot is complete. */
export function candidatesOf (name: string, { domains, ndots }: SearchList): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const searched = domains.map(domain => `${name}.${domain}`)
  return name.split('.').length - 1 >= ndots ? [name, ...searched] : [...searched, name]
}
