import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { isLoopback } from '../admin/admin-options.js'
import { boundUrl } from '../admin/bound-url.js'
import { bareHost } from '../http/bare-host.js'
import { existingState } from '../gateway/state.js'
import type { DeclaredRoute } from '../gateway/state.js'
import type { TargetRegistry } from '../target/registry.js'
import { packageVersion } from './package-folder.js'

/**
 * Once the app listens, logs each proxied route with its upstream, the route files, and where the gateway can be reached.
 *
 * @param files of routes, besides those of the project
 */
export function tellStart (app: FastifyInstance, files: readonly string[]): void {
  app.addHook('onListen', async () => {
    // The app may have been closed while hooks before this one ran.
    if (!app.server.listening) return
    const state = existingState(app)
    for (const route of state?.routes ?? []) tellRoute(app, route, state!.targets)
    if (files.length > 0) app.log.info({ files }, `route files: ${files.join(', ')}`)
    tellListening(app, state?.admin?.boundUrl)
  })
}

function tellRoute (
  app: FastifyInstance, { prefix, upstream, upgradable, target, targetOptions }: DeclaredRoute, targets: TargetRegistry
): void {
  const route = prefix || '/'
  const { undiciOptions: { connections }, pool: { maxConnections } } = targetOptions
  const several = target !== undefined && targets.planOf(target).kind !== 'origin'
  const each = several ? ` to each endpoint${maxConnections === Infinity ? '' : `, and ${maxConnections} in all`}` : ''
  const name = target === undefined || target.name === target.origin ? undefined : target.name
  app.log.info(
    { route, upstream, ...name === undefined ? undefined : { target: name }, websocket: upgradable, connections },
    `${route} goes to ${upstream ?? 'what getUpstream chooses'}${upgradable ? ', WebSockets too' : ''}, ` +
    `over at most ${connections} connection${connections === 1 ? '' : 's'}${each}`
  )
}

function tellListening (app: FastifyInstance, admin: string | undefined): void {
  const url = boundUrl(app.server.address() as AddressInfo)
  const version = packageVersion()
  const { pid, version: node } = process
  const surface = admin === undefined ? 'no admin surface' : `admin surface on ${admin}`
  const alone = isLoopback(bareHost(new URL(url))) ? ', for this machine alone (HOST)' : ''
  app.log.info(
    { url, admin, version, node },
    `holdfast ${version} listens on ${url}${alone}; ${surface}; process ${pid}, Node.js ${node}`
  )
}
