import type { Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { endUpgrades } from '../admit/upgrades.js'
import { LINGER } from '../forward/tunnel.js'
import { otherServersOf } from '../quirks/fastify-servers.js'
import { ServerConnections } from './server-connections.js'
import type { GatewayState } from './state.js'

/** How often idle client connections are looked for while the app closes, in ms. */
const SWEEP = 50
/** How long the first request of a connection may be on its way when the app closes, in ms. */
const UNUSED = 500

/**
 * Makes `app.close()` end by a deadline, on every server that the app listens with, over HTTP/1 and HTTP/2. Idle client connections end,
 * and HTTP/2 clients open no more streams. What is still in flight after `deadline` ms is cut, counted and logged.
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
    // Fastify ends the other servers when the first has closed, and waits for none of their requests.
    othersClosed = clients.closeAllBut(main)
    // A response that began before says keep-alive. Its connection is idle when the response ends, and Node would wait for it.
    timers.push(setInterval(() => clients.endIdle(), SWEEP).unref())
    timers.push(setTimeout(() => clients.endUnused(), UNUSED).unref())
    timers.push(setTimeout(() => {
      const { size: connections, sessions } = clients
      // Node's servers do not end these. They are counted among `connections` too.
      const tunnels = endUpgrades(state.upgrades)
      app.log.warn({ connections, sessions, tunnels, deadline }, 'drain deadline reached; what was in flight is cut')
      clients.cut()
      state.targets.destroy()
      // Hanging TLS handshakes and tunnels are left. The client of a tunnel gets this long to read its close frame.
      timers.push(setTimeout(() => clients.destroy(), LINGER).unref())
    }, deadline).unref())
  })

  app.addHook('onClose', async () => {
    await othersClosed
    for (const timer of timers) clearTimeout(timer)
  })
}
