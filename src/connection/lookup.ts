import dns from 'node:dns'
import type { LookupOptions } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Lookups } from './lookups.js'
import { lookUpWithoutThread } from './threadless-names.js'

// How many of libuv's threads (four by default) look-ups may use. Of two or more threads, at least one is left for other work.
const threads = Number(process.env['UV_THREADPOOL_SIZE']) || 4
const MOST_IN_THREADS = Math.max(1, Math.min(2, threads - 1))

/** All pools of the process share it, since they share libuv's threads. */
const lookups = new Lookups({
  // `dns.lookup` is read at each call, since a test or a tracer may have replaced it.
  threaded: (name, { family, hints }, answered) => dns.lookup(name, { all: true, family, hints }, (error, addresses) => answered(error, addresses ?? [])),
  threadless: lookUpWithoutThread,
  most: MOST_IN_THREADS,
  clock: () => performance.now(),
  after: (ms, then) => {
    // Unref'd: the dial that waits keeps the process alive.
    const timer = setTimeout(then, ms).unref()
    return () => clearTimeout(timer)
  }
})

/**
 * The `lookup` option of net.connect and tls.connect, for every dial without a `connect.lookup`. Node does not call it for an IP address.
 */
export const sharedLookup: LookupFunction = (hostname, options, callback) => {
  lookups.ask(hostname, { family: familyOf(options), hints: options.hints ?? 0 }, (error, addresses) => {
    const [first] = addresses
    if (error !== null) callback(error as NodeJS.ErrnoException, options.all === true ? [] : '')
    else if (options.all === true) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family)
  })
}

function familyOf ({ family }: LookupOptions): number {
  if (family === 4 || family === 'IPv4') return 4
  return family === 6 || family === 'IPv6' ? 6 : 0
}
