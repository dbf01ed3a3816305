import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { FIRST, paramsOf } from '../quirks/fastify-router.js'
import { proxiedPaths } from './own-routes.js'

/** The path of a route, as it can be matched with a request's path and the names of the parameters that the router found in it. */
interface Pattern { readonly expression: RegExp, readonly names: string, readonly segments: number }

// What the router reads of a request for them. It tells nobody what it read for a strategy of the app's.
const DERIVED = ['host', 'version']

/**
 * Returns a function that says whether the router takes a request to a proxied route of this scope: beside a proxy at `/` an app may have
 * WebSocket routes of its own. Where the scope's routes have a constraint strategy of the app's, the prefix decides.
 */
export function upgradableRoutes (app: FastifyInstance): (request: IncomingMessage) => boolean {
  const { caseSensitive = true, ignoreTrailingSlash = false } = { ...app.initialConfig, ...app.initialConfig.routerOptions }
  const flags = caseSensitive ? '' : 'i'
  // eslint-disable-next-line no-restricted-syntax -- text and [^/]+ with slashes between them: nothing is tried twice
  const inPrefix = new RegExp(`^${sourceOf(app.prefix.replace(/\/$/, ''))}(?:/|$)`, flags)
  let derived: boolean | undefined
  let patterns: Pattern[] | undefined

  return request => {
    const { url = '', headers } = request
    const raw = url.split('?', 1)[0]!
    const path = decoded(raw, decodeURI)
    if (!inPrefix.test(path)) return false
    // Not before: among hundreds of scopes, each would look through the routes of all while the app starts.
    derived ??= proxiedPaths(app, 'GET').every(({ constraints }) => Object.keys(constraints).every(name => DERIVED.includes(name)))
    if (!derived) return true
    const params = paramsOf(app, 'GET', url, { host: headers.host, version: headers['accept-version'], ...FIRST })
    if (params === undefined) return false
    // Not before: what the app declares later takes paths away.
    patterns ??= proxiedPaths(app, 'GET').map(route => patternOf(route.path, ignoreTrailingSlash, flags))
    return patterns.some(({ expression, names, segments }) => {
      if (namesOf(Object.keys(params)) !== names || !expression.test(path)) return false
      // A longer path of the app's leaves less to its own `*`.
      return params['*'] === undefined || plain(decoded(raw.split('/').slice(segments).join('/'), decodeURIComponent)) === plain(params['*'])
    })
  }
}

function patternOf (path: string, slash: boolean, flags: string): Pattern {
  const names = path.replace(/\([^()]*\)|::/g, '').match(/(?<=:)\w+|\*$/g) ?? []
  const source = path.endsWith('*') ? `${sourceOf(path.slice(0, -1))}.*` : sourceOf(path) + (slash ? '/?' : '')
  // eslint-disable-next-line no-restricted-syntax -- the same, with one .* at its end
  return { expression: new RegExp(`^${source}$`, flags), names: namesOf(names), segments: path.split('/').length - 1 }
}

// The source of an expression that matches the path as the router does, with any parameter.
function sourceOf (path: string): string {
  return path.split('/').map(part => /[:*]/.test(part) ? '[^/]+' : part.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')).join('/')
}

function namesOf (names: string[]): string {
  return [...names].sort().join()
}

// Without slashes that the router may ignore.
function plain (path: string): string {
  return path.replace(/\/+/g, '/').replace(/^\/|\/$/g, '')
}

function decoded (path: string, decode: (path: string) => string): string {
  try {
    return decode(path)
  } catch {
    return path
  }
}
