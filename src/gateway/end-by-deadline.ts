import type { Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { otherServersOf } from '../admit/server-events.js'
import { endUpgrades } from '../admit/upgrades.js'
import { LINGER } from '../forward/tunnel.js'
import { ServerConnections } from './server-connections.js'
import type { GatewayState } from './state.js'

/** How often, while closing, connections of clients that have their answer are looked for, in ms. */
const SWEEP = 50

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
