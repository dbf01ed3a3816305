import type { FastifyInstance } from 'fastify'
import type { CheckedApp, CheckedServer, CheckedTarget } from '../check/rule.js'
import { trustProxyOf } from '../quirks/fastify-trust.js'
import type { GatewayState } from './state.js'

/** An app's gateway as the rules look at it. */
export function checkedApp (name: string, app: FastifyInstance, state: GatewayState): CheckedApp {
  const { routes } = state
  const declared = [...state.targets].map((target): CheckedTarget => ({
    name: target.name,
    origin: new URL(target.origin),
    plan: state.targets.planOf(target),
    options: target.options,
    routes: routes.filter(route => route.target === target)
  }))
  const chosen = routes.filter(({ target }) => target === undefined).map((route): CheckedTarget => ({
    name: `getUpstream of ${route.prefix || '/'}`,
    origin: undefined,
    options: route.targetOptions,
    routes: [route]
  }))
  return { name, server: checkedServer(app), targets: [...declared, ...chosen], told: state.warnings.told }
}

function checkedServer (app: FastifyInstance): CheckedServer {
  // A server of http2 has none of these, though the types say so.
  const { keepAliveTimeout, headersTimeout, requestTimeout, timeout } = app.server as Partial<typeof app.server>
  return { keepAliveTimeout, headersTimeout, requestTimeout, connectionTimeout: timeout, trustProxy: trustProxyOf(app) }
}
