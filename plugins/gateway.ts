import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { admin } from './admin.js'
import { adminOptions } from '../src/admin/admin-options.js'
import { connectionInspector } from './connection-inspector.js'
import { health } from './health.js'
import { namingOptionsOf } from '../src/options/named-options.js'
import { pressure } from './pressure.js'
import { shareReplies } from '../src/gateway/shared-replies.js'
import { registerRequestRules } from './request-rules.js'
import { HoldfastError } from '../src/errors.js'
import { createState, existingState } from '../src/gateway/state.js'
import { resolveGatewayOptions } from '../src/options/gateway-options.js'
import type { GatewayOptions } from '../src/options/option-types.js'
import { drain } from './drain.js'
import { metrics } from './metrics.js'

/** The gateway: register it first, at the root, once. Throws HOLDFAST_ERR_OPTION for an option that cannot be. */
export const gateway = fp<GatewayOptions>((app, options) => namingOptionsOf('gateway', () => registerGateway(app, options)), { name: 'holdfast', fastify: '5.x' })

async function registerGateway (app: FastifyInstance, options: GatewayOptions): Promise<void> {
  if (existingState(app) !== undefined) {
    throw new HoldfastError('HOLDFAST_ERR_OPTION', {
      message: 'is registered twice, or after a proxy: register it once, before the first proxy, or the routes before it would not have its defaults'
    })
  }
  const { defaults, health: healthServed, maxHops, maxDynamicTargets, drain: draining, metrics: measuring, clientHeadersTimeout, pressure: pressed } = resolveGatewayOptions(options)
  const administration = options.admin === undefined ? undefined : adminOptions(options.admin)
  // Unless it is given, the server keeps what its app set, or Node's own 60 s.
  if (clientHeadersTimeout !== undefined) app.server.headersTimeout = clientHeadersTimeout
  const state = createState(app, { defaults, maxHops, maxDynamicTargets })
  app.decorate('gateway', state)
  state.warnOf('gateway', options)
  await registerRequestRules(app)
  await app.register(connectionInspector)
  // For handlers that call reply.from themselves: over the declared targets, and without its retries by status code.
  await shareReplies(app, { undici: state.targets.dispatcher, retryMethods: [] })
  await app.register(drain, draining)
  if (pressed !== false) await app.register(pressure, pressed ?? {})
  if (healthServed) await app.register(health)
  if (measuring !== undefined || administration !== undefined) await app.register(metrics, measuring ?? {})
  if (administration !== undefined) await app.register(admin, administration)
}
