import type { GatewayOptions } from '../options/option-types.js'
import type { Environment } from './environment.js'

/** The gateway's options that variables set; one whose variable is not set is undefined. The admin surface is not among them. */
export function givenOptions (environment: Environment): GatewayOptions {
  const { metricsPath, healthCheckPath } = environment
  return {
    undiciOptions: {
      keepAliveTimeout: environment.keepAliveTimeout,
      connections: environment.connections,
      headersTimeout: environment.headersTimeout,
      bodyTimeout: environment.bodyTimeout,
      connect: { timeout: environment.connectTimeout }
    },
    pool: {
      maxConnectionAge: environment.maxConnectionAge,
      maxPending: environment.maxPending,
      pendingTimeout: environment.pendingTimeout,
      maxUpgraded: environment.maxUpgraded,
      maxConnections: environment.maxTargetConnections
    },
    balance: environment.balance,
    affinity: environment.affinity,
    ejection: environment.ejection ? undefined : false,
    healthCheck: healthCheckPath === undefined ? undefined : { path: healthCheckPath },
    discovery: { refresh: environment.discoveryRefresh },
    bodyLimit: environment.bodyLimit,
    totalTimeout: environment.totalTimeout,
    clientBodyTimeout: environment.clientBodyTimeout,
    tunnelIdleTimeout: environment.tunnelIdleTimeout,
    drain: { delay: environment.drainDelay, deadline: environment.drainDeadline },
    log: { mask: environment.logMask },
    proxyStatus: environment.proxyStatus,
    via: environment.via,
    metrics: metricsPath === undefined ? undefined : { path: metricsPath }
  }
}
