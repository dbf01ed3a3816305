import type { FastifyInstance, RouteOptions } from 'fastify'

type Constraints = NonNullable<RouteOptions['constraints']>
type Strategy = Parameters<FastifyInstance['addConstraintStrategy']>[0]
type Handler = ReturnType<ReturnType<Strategy['storage']>['get']>

const STRATEGY = 'holdfastOwnRoute'
const VALUE = 'own'

/** What the router derives of each request once a route was `askFirst`. */
export const FIRST: Readonly<Record<string, string>> = { [STRATEGY]: VALUE }

/**
 * Has the router ask a route, of which an `onRoute` hook is told, before those of the same method and path, by a
 * constraint that always holds. The router asks the routes with more constraints first, which its docs do not say,
 * and Fastify reads what a hook leaves in `constraints`. Should either change, two equal routes stop the app, or the
 * other one is asked.
 */
export function askFirst (scope: FastifyInstance, options: RouteOptions): void {
  if (!scope.hasConstraintStrategy(STRATEGY)) scope.addConstraintStrategy(alwaysHolds())
  const constraints: Constraints = { ...options.constraints, ...FIRST }
  options.constraints = constraints
}

function alwaysHolds (): Strategy {
  return {
    name: STRATEGY,
    validate: () => true,
    deriveConstraint: () => VALUE,
    storage () {
      let own: Handler = null
      return {
        get: () => own,
        set: (_value, handler) => { own = handler as unknown as Handler },
        del: () => { own = null },
        empty: () => { own = null }
      }
    }
  }
}

/** A path as the router has it: it takes `*` for `/*`. */
export function routerPath (path: string): string {
  return path === '*' ? '/*' : path
}

/**
 * The parameters that the router reads out of a request's path; undefined where it has no route for that. `findRoute`
 * looks a path up as for a request, and its docs show the path of a route. It asks no strategy: `constraints` has
 * what those would derive of the request. Should it compare the paths of routes one day, it finds none here.
 */
export function paramsOf (app: FastifyInstance, method: string, url: string, constraints: Record<string, unknown>): Readonly<Record<string, string | undefined>> | undefined {
  return app.findRoute({ method: method as 'GET', url, constraints })?.params
}
