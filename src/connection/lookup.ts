import dns from 'node:dns'
import type { LookupOptions } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Lookups } from './lookups.js'
import { lookUpWithoutThread } from './threadless-names.js'

// Of libuv's threads, four by default; at least one is left to all else, where there are two.
const threads = Number(process.env['UV_THREADPOOL_SIZE']) || 4
const MOST_IN_THREADS = Math.max(1, Math.min(2, threads - 1))

/** One for all pools of the process, since libuv's threads are. */
const lookups = new Lookups({
  // As it is called, and not as it was imported: a test, or a tracer, may have put its own in its place.
  threaded: (name, { family, hints }, answered) => dns.lookup(name, { all: true, family, hints }, (error, addresses) => answered(error, addresses ?? [])),
  threadless: lookUpWithoutThread,
  most: MOST_IN_THREADS,
  clock: () => performance.now(),
  after: (ms, then) => {
    // A dial keeps the process while it waits.
    const timer = setTimeout(then, ms).unref()
    return () => clearTimeout(timer)
  }
})

/** `lookup` of net.connect and tls.connect, for every dial that brings none of its own. They ask it for no address. */
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
