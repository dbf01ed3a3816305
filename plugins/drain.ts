import type { Server } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { HoldfastError } from '../src/errors.js'
import { LINGER } from '../src/forward/tunnel.js'
import { ServerConnections } from '../src/gateway/server-connections.js'
import { otherServersOf } from '../src/admit/server-events.js'
import { existingState } from '../src/gateway/state.js'
import type { GatewayState } from '../src/gateway/state.js'
import { endUpgrades } from '../src/admit/upgrades.js'
import { DEFAULT_DRAIN } from '../src/options/gateway-options.js'
import type { DrainOptions } from '../src/options/option-types.js'

/** How often, while closing, connections of clients that have their answer are looked for, in ms. */
const SWEEP = 50
/** Past the deadline all that is ours is cut. A hook of the app's that still holds `app.close()` is waited for this long, in ms. */
const GRACE = 500

/**
 * Closes an app in good order. From `app.close()` on every response says `Connection: close`, idle client connections end, and
 * at the deadline what is left is cut, counted and logged.
 */
export const drain = fp<Required<DrainOptions>>(async (app, options) => drainAtClose(app, options), { name: 'holdfast-drain', fastify: '5.x' })

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

function drainAtClose (app: FastifyInstance, { delay, deadline }: Required<DrainOptions>): void {
  const state = existingState(app)
  if (state === undefined) throw new HoldfastError('HOLDFAST_ERR_OPTION', { message: 'the drain plugin needs the gateway plugin before it' })
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

/**
 * Has `app.close()` end in good order, and by a deadline: idle client connections end, HTTP/2 clients open no more streams, and what is in flight after
 * `deadline` ms is cut, counted and logged. On every server that the app listens with, of HTTP/1 and HTTP/2.
 */
export function endByDeadline (app: FastifyInstance, state: GatewayState, deadline: number): void {
  const main = app.server as Server
  const clients = new ServerConnections()
  clients.follow(main)
  const timers: NodeJS.Timeout[] = []
  let othersClosed: Promise<void> | undefined

  app.addHook('onListen', done => {
    for (const other of otherServersOf(app)) clients.follow(other)
    done()
  })

  app.addHook('preClose', async () => {
    state.draining = true
    clients.endSessions()
    // Fastify stops them once the first has closed, and waits for none of their requests.
    othersClosed = clients.closeAllBut(main)
    // A response that had begun before says keep-alive; its connection is idle when it ends, and node would wait for it.
    timers.push(setInterval(() => clients.endIdle(), SWEEP).unref())
    timers.push(setTimeout(() => {
      const { size: connections, sessions } = clients
      // node does not end these; they are among its connections all the same.
      const tunnels = endUpgrades(state.upgrades)
      app.log.warn({ connections, sessions, tunnels, deadline }, 'drain deadline reached; what was in flight is cut')
      clients.cut()
      state.targets.destroy()
      // Handshakes that hang, and what has been upgraded: a tunnel's client has this long to read its close frame.
      timers.push(setTimeout(() => clients.destroy(), LINGER).unref())
    }, deadline).unref())
  })

  app.addHook('onClose', async () => {
    await othersClosed
    for (const timer of timers) clearTimeout(timer)
  })
}
