import type { FastifyInstance, RouteOptions } from 'fastify'

type Constraints = NonNullable<RouteOptions['constraints']>
type Strategy = Parameters<FastifyInstance['addConstraintStrategy']>[0]
type PathParameters = Readonly<Record<string, string | undefined>>
type Handler = ReturnType<ReturnType<Strategy['storage']>['get']>

const STRATEGY = 'holdfastOwnRoute'
const VALUE = 'own'

/** The constraint of a route that `askFirst` has changed, as the router derives it from each request. */
export const FIRST: Readonly<Record<string, string>> = { [STRATEGY]: VALUE }

/**
 * Makes the router prefer a route that an `onRoute` hook gets to others with the same method and path, by a constraint that always holds.
 * The router prefers routes with more constraints, and Fastify uses the `constraints` that a hook leaves. Their docs promise neither. If
 * one of the two changes, the app does not start, since it has two equal routes, or the other route is used.
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

/** A path in the form that the router keeps: it keeps `*` as `/*`. */
export function routerPath (path: string): string {
  return path === '*' ? '/*' : path
}

/**
 * The parameters that the router finds in the URL of a request; undefined where no route takes it. `findRoute` looks for the route of a
 * request, although its docs show it with the path of a route. It calls no constraint strategy: `constraints` holds the values that the
 * strategies would derive. If a later version looks for paths of routes, the result is undefined.
 */
export function paramsOf (
  app: FastifyInstance, method: 'GET', url: string, constraints: Record<string, unknown>
): PathParameters | undefined {
  return app.findRoute({ method, url, constraints })?.params
}
