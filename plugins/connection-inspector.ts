import fp from 'fastify-plugin'
import { getGateway } from '../src/gateway/state.js'
import type { Gateway } from '../src/gateway/state.js'
import { Inspector } from '../src/target/inspector.js'

const inspected = new WeakSet<object>()

/** Inspects the connections of an app's targets; a second registration in an app does nothing. */
export const connectionInspector = fp(async app => {
  if (inspected.has(app.server)) return
  inspected.add(app.server)
  const stop = inspectConnections(getGateway(app))
  app.addHook('onClose', async () => stop())
}, { name: 'holdfast-connection-inspector', fastify: '5.x' })

/** Inspects the connections of a gateway's targets; returns a function that stops it. */
export function inspectConnections (gateway: Gateway): () => void {
  const inspector = new Inspector(gateway.targets, () => performance.now())
  const unobserve = gateway.observe(inspector)
  return () => {
    unobserve()
    inspector.stop()
  }
}
