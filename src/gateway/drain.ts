import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { DEFAULT_DRAIN } from '../options/gateway-options.js'
import type { DrainOptions } from '../options/option-types.js'
import { endByDeadline } from './end-by-deadline.js'
import { existingState, stateBefore } from './state.js'

/** Past the deadline all that is ours is cut. A hook of the app's that still holds `app.close()` is waited for this long, in ms. */
const GRACE = 500

/** States of proxies without the gateway. */
const drained = new WeakSet<object>()

/** For a proxy's scope where there is no gateway: an event stream would hold `app.close()` for as long as it goes on. */
export function drainByDefault (app: FastifyInstance): void {
  const state = existingState(app)
  if (state === undefined) return
  if (drained.has(state)) return sayClose(app, () => state.draining)
  drained.add(state)
  drainAtClose(app, DEFAULT_DRAIN)
}

function sayClose (app: FastifyInstance, closing: () => boolean): void {
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (request.raw.httpVersionMajor !== 1) reply.removeHeader('connection') // Fastify sets it for a body that it could not parse; HTTP/2 has none.
    else if (closing()) reply.header('connection', 'close')
    done()
  })
}

/**
 * Closes an app in good order. From `app.close()` on every response says `Connection: close`, idle client connections end, and
 * at the deadline what is left is cut, counted and logged.
 */
export function drainAtClose (app: FastifyInstance, { delay, deadline }: Required<DrainOptions>): void {
  const state = stateBefore('drain', app)
  let closing = false
  const closed = new AbortController()
  let draining: Promise<void> | undefined

  state.drain = () => {
    draining ??= (async () => {
      state.draining = true
      app.log.info({ delay, deadline }, 'draining')
      // Somebody may close the app meanwhile; there is nothing left to wait for then.
      if (delay > 0) await wait(delay, undefined, { signal: closed.signal }).catch(() => {})
      // From here on, and not only once preClose comes: what is answered meanwhile says so too.
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
