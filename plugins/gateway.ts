import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { adminOptions } from '../src/admin/admin-options.js'
import { HoldfastError } from '../src/errors.js'
import { shareReplies } from '../src/gateway/shared-replies.js'
import { createState, existingState } from '../src/gateway/state.js'
import { resolveGatewayOptions } from '../src/options/gateway-options.js'
import { namingOptionsOf } from '../src/options/named-options.js'
import type { GatewayOptions } from '../src/options/option-types.js'
import { admin } from './admin.js'
import { connectionInspector } from './connection-inspector.js'
import { drain } from './drain.js'
import { health } from './health.js'
import { metrics } from './metrics.js'
import { pressure } from './pressure.js'
import { registerRequestRules } from './request-rules.js'

/** The gateway: register it first, at the root, once. Throws HOLDFAST_ERR_OPTION for an option that is unknown or not possible. */
export const gateway = fp<GatewayOptions>(async (app, options) => {
  await namingOptionsOf('gateway', () => registerGateway(app, options))
}, { name: 'holdfast', fastify: '5.x' })

async function registerGateway (app: FastifyInstance, options: GatewayOptions): Promise<void> {
  if (existingState(app) !== undefined) {
    throw new HoldfastError('HOLDFAST_ERR_OPTION', {
      message: 'is registered twice, or after a proxy: register it once, before the first proxy, ' +
        'or the routes before it would not have its defaults'
    })
  }
  const resolved = resolveGatewayOptions(options)
  const resolvedAdmin = options.admin === undefined ? undefined : adminOptions(options.admin)
  const { defaults, maxHops, maxDynamicTargets, clientHeadersTimeout } = resolved
  // Without the option the server keeps the value that the app set, or Node's 60 s.
  if (clientHeadersTimeout !== undefined) app.server.headersTimeout = clientHeadersTimeout
  const state = createState(app, { defaults, maxHops, maxDynamicTargets, mask: resolved.log?.mask })
  app.decorate('gateway', state)
  state.warnings.warnOf('gateway', options)
  await registerRequestRules(app)
  await app.register(connectionInspector)
  // For handlers that call `reply.from()` themselves: it uses the declared targets, and retries no status code.
  await shareReplies(app, { undici: state.targets.dispatcher, retryMethods: [] })
  await app.register(drain, resolved.drain)
  if (resolved.pressure !== false) await app.register(pressure, resolved.pressure ?? {})
  if (resolved.health) await app.register(health)
  if (resolved.metrics !== undefined || resolvedAdmin !== undefined) await app.register(metrics, resolved.metrics ?? {})
  if (resolvedAdmin !== undefined) await app.register(admin, resolvedAdmin)
}
