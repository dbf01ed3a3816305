import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { AllGiven } from '../options/all-given.js'
import { DEFAULT_DRAIN } from '../options/gateway-options.js'
import type { DrainOptions } from '../options/option-types.js'
import { endByDeadline } from './end-by-deadline.js'
import { existingState, stateBefore } from './state.js'

/** How long `drain()` waits for `app.close()` after the deadline, in ms: a hook of the app may hold it up. */
const GRACE = 500

/** The states of apps without the gateway plugin whose drain is set up. */
const drained = new WeakSet<object>()

/** Sets up the drain for a proxy without the gateway plugin: without a deadline, an event stream could hold up `app.close()` for ever. */
export function drainByDefault (app: FastifyInstance): void {
  const state = existingState(app)
  if (state === undefined) return
  if (drained.has(state)) return sayClose(app, () => state.draining)
  drained.add(state)
  drainAtClose(app, DEFAULT_DRAIN)
}

function sayClose (app: FastifyInstance, closing: () => boolean): void {
  app.addHook('onSend', (request, reply, _payload, done) => {
    // Fastify sets it for a body that it could not parse. HTTP/2 has no such header.
    if (request.raw.httpVersionMajor !== 1) reply.removeHeader('connection')
    else if (closing()) reply.header('connection', 'close')
    done()
  })
}

/**
 * Sets up the drain of an app. From `app.close()` on, every response says `Connection: close`, and idle client connections end. At the
 * deadline the requests in flight are cut, counted and logged.
 */
export function drainAtClose (app: FastifyInstance, { delay, deadline }: AllGiven<DrainOptions>): void {
  const state = stateBefore('drain', app)
  let closing = false
  const closed = new AbortController()
  let draining: Promise<void> | undefined

  state.drain = () => {
    draining ??= (async () => {
      state.draining = true
      app.log.info({ delay, deadline }, 'draining')
      // The app may be closed meanwhile: the delay ends then.
      if (delay > 0) await wait(delay, undefined, { signal: closed.signal }).catch(() => {})
      // Set before `preClose` runs, so that the responses sent until then say `Connection: close` too.
      closing = true
      const late = new AbortController()
      const expiry = wait(deadline + GRACE, true, { signal: late.signal }).catch(() => false)
      const expired = await Promise.race([app.close().then(() => false), expiry])
      late.abort()
      if (expired) app.log.error({ deadline }, 'drain deadline passed; a hook of the app still holds its close and is not waited for')
    })()
    return draining
  }

  sayClose(app, () => closing)

  app.addHook('preClose', async () => {
    closing = true
    closed.abort()
  })
  endByDeadline(app, state, deadline)
}
