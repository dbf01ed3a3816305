import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { askFirst, routerPath } from '../quirks/fastify-router.js'
import { declareBy, pathsOfTold, pathsToDeclare } from '../quirks/fastify-route.js'
import { scopeAround } from '../quirks/fastify-scope.js'

type Constraints = NonNullable<RouteOptions['constraints']>

/** A method and a path of a proxied route, and the constraints under which it is served. */
interface Proxied { readonly scope: FastifyInstance, readonly method: string, readonly path: string, readonly constraints: Constraints }

/** By server, and by method and path. */
const proxied = new WeakMap<object, Map<string, Proxied[]>>()
const proxiedScopes = new WeakSet<object>()
const watchedScopes = new WeakSet<object>()

/**
 * Gives the app's own routes precedence over the proxied routes of this scope with the same method and path. Beside a proxy at `/`, that is
 * `OPTIONS *` of `@fastify/cors`, or `/*` of `@fastify/static`: Fastify would refuse to start. A route that the app declared before is left
 * out of the proxied routes. A route that it declares later gets a constraint that always holds, since the router asks constrained routes
 * first. Two proxies of one prefix are refused as before.
 */
export function giveWayToOwnRoutes (app: FastifyInstance): void {
  const routes = proxied.get(app.server) ?? new Map<string, Proxied[]>()
  proxied.set(app.server, routes)
  proxiedScopes.add(app)
  for (let scope = scopeAround(app); scope !== undefined; scope = scopeAround(scope)) {
    if (watchedScopes.has(scope)) continue
    watchedScopes.add(scope)
    scope.addHook('onRoute', function (options) {
      if (!proxiedScopes.has(this)) goBefore(this, routes, options)
    })
  }
  // http-proxy's own scope, where it is registered as it stands, is one within.
  declareBy(app, (scope, options, declare) => {
    proxiedScopes.add(scope)
    for (const rest of withoutOwn(scope, routes, options)) declare(rest)
  })
}

/** The paths of this scope's proxied routes for a method, without those that the app serves itself. */
export function proxiedPaths (app: FastifyInstance, method: string): Proxied[] {
  return [...proxied.get(app.server)?.values() ?? []].flat().filter(route => route.scope === app && route.method === method)
}

/** The route without the methods and paths that are the app's own; several routes where methods differ in what is left. */
function withoutOwn (app: FastifyInstance, routes: Map<string, Proxied[]>, options: RouteOptions): RouteOptions[] {
  const { url, constraints = {} } = options
  const paths = pathsToDeclare(app, url)
  const parts = new Map<string, { free: string[], methods: string[] }>()
  for (const method of [options.method].flat() as string[]) {
    const free = paths.filter(path => !isOwn(app, routes, method, path, constraints))
    if (free.length < paths.length) tell(app, method, paths.filter(path => !free.includes(path)))
    if (free.length === 0) continue
    for (const path of free) {
      const key = keyOf(method, path)
      routes.set(key, [...routes.get(key) ?? [], { scope: app, method, path, constraints }])
    }
    const part = parts.get(free.join()) ?? { free, methods: [] }
    part.methods.push(method)
    parts.set(free.join(), part)
  }
  return [...parts.values()].map(({ free, methods }) => {
    const rest = { ...options, method: methods }
    return free.length === paths.length ? rest : { ...rest, prefixTrailingSlash: free[0] === app.prefix ? 'no-slash' : 'slash' }
  })
}

function isOwn (app: FastifyInstance, routes: Map<string, Proxied[]>, method: string, path: string, constraints: Constraints): boolean {
  return app.hasRoute({ method, url: path, constraints } as Parameters<FastifyInstance['hasRoute']>[0]) && same(routes, method, path, constraints) === undefined
}

function goBefore (scope: FastifyInstance, routes: Map<string, Proxied[]>, options: RouteOptions): void {
  const { constraints = {} } = options
  const paths = pathsOfTold(scope, options.url)
  const equal = ([options.method].flat() as string[]).flatMap(method => paths.map(path => same(routes, method, path, constraints))).filter(route => route !== undefined)
  if (equal.length === 0) return
  askFirst(scope, options)
  for (const route of equal) {
    const key = keyOf(route.method, route.path)
    routes.set(key, routes.get(key)!.filter(other => other !== route))
    tell(scope, route.method, [route.path])
  }
}

function same (routes: Map<string, Proxied[]>, method: string, path: string, constraints: Constraints): Proxied | undefined {
  return routes.get(keyOf(method, path))?.find(route => isDeepStrictEqual(route.constraints, constraints))
}

function keyOf (method: string, path: string): string {
  return `${method} ${routerPath(path)}`
}

// A warning where it may be a mistake: a folder of files that takes every GET. An app with cors wants its OPTIONS, and a HEAD goes with its
// GET.
function tell (app: FastifyInstance, method: string, paths: string[]): void {
  const level = method === 'OPTIONS' || method === 'HEAD' ? 'info' : 'warn'
  app.log[level](`${method} ${paths.join(', ')} is a route of the app's own, and goes before the proxied one`)
}
