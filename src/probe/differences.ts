import { formatHint, formatMeasured } from './duration.js'
import type { ProbeReport } from './report.js'

/** A backend beside others. */
export interface Compared { readonly address: string, readonly report: ProbeReport }

/** A property that backends of one target should have alike. @property read its value in words; undefined where it is not known */
interface Aspect { readonly name: string, readonly read: (report: ProbeReport) => string | undefined }

const PERSISTENCE: Aspect = {
  name: 'persistence',
  read: ({ persistent }) => persistent === null ? undefined : persistent ? 'keeps connections' : 'closes each after its first response'
}
const IDLE: Aspect = {
  name: 'idle timeout',
  read: ({ persistent, idleTimeoutMs }) => {
    if (persistent !== true) return undefined
    return idleTimeoutMs === null ? 'not seen' : formatMeasured(idleTimeoutMs)
  }
}
const ASPECTS: readonly Aspect[] = [
  { name: 'HTTP version', read: ({ httpVersion }) => httpVersion ?? undefined },
  PERSISTENCE,
  { name: 'Keep-Alive header', read: ({ httpVersion, hint }) => httpVersion === null ? undefined : hintOf(hint) },
  { name: 'how it closes', read: ({ persistent, closesBy }) => persistent === true && closesBy !== null ? wayOf(closesBy) : undefined },
  {
    name: 'requests a connection',
    read: ({ persistent, requestsPerConnection }) => persistent === true ? String(requestsPerConnection ?? 'no limit found') : undefined
  },
  { name: 'after HEAD', read: ({ headReuses }) => reuseOf(headReuses) },
  { name: 'after POST', read: ({ postReuses }) => reuseOf(postReuses) },
  {
    name: 'compression for a request with Via',
    read: ({ viaStopsCompression }) => viaStopsCompression === null ? undefined : viaStopsCompression ? 'none' : 'as without'
  },
  { name: 'TLS resumption', read: ({ tlsResumes }) => tlsResumes === null ? undefined : tlsResumes ? 'yes' : 'no' }
]

// Servers that look at their connections at intervals close them at times that differ by a second.
const LEAST = 1_000
const SHARE = 0.2

/** What one backend does otherwise than another: a sentence each, with the addresses of those that do the same. */
export function differencesOf (backends: readonly Compared[]): string[] {
  const [first, second, ...rest] = ASPECTS
  const aspects = idleTimesDiffer(backends) ? [first!, second!, IDLE, ...rest] : ASPECTS
  return aspects.flatMap(({ name, read }) => {
    const groups = new Map<string, string[]>()
    for (const { address, report } of backends) {
      const value = read(report)
      if (value !== undefined) groups.set(value, [...groups.get(value) ?? [], address])
    }
    return groups.size < 2 ? [] : [`${name}: ${[...groups].map(([value, addresses]) => `${value} (${addresses.join(', ')})`).join('; ')}`]
  })
}

function idleTimesDiffer (backends: readonly Compared[]): boolean {
  const times = backends.flatMap(({ report: { persistent, idleTimeoutMs } }) => persistent === true ? [idleTimeoutMs ?? Infinity] : [])
  const [least, most] = [Math.min(...times), Math.max(...times)]
  return times.length > 1 && most - least > Math.max(LEAST, least * SHARE)
}

function hintOf ({ timeoutMs, max }: ProbeReport['hint']): string {
  const parts = [timeoutMs !== null && `timeout ${formatHint(timeoutMs)}`, max !== null && `max ${max}`].filter(part => part !== false)
  return parts.length === 0 ? 'none' : parts.join(' and ')
}

function wayOf (way: 'fin' | 'rst' | 'announced'): string {
  return way === 'announced' ? way : `by ${way.toUpperCase()}`
}

function reuseOf (reuses: boolean | null): string | undefined {
  return reuses === null ? undefined : reuses ? 'keeps the connection' : 'closes'
}
