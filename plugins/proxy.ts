import { validateHeaderName } from 'node:http'
import httpProxy from '@fastify/http-proxy'
import type { FastifyHttpProxyOptions } from '@fastify/http-proxy'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Dispatcher } from 'undici'
import { HoldfastError } from '../src/errors.js'
import { addFastWay } from '../src/forward/fast-way.js'
import { forward } from '../src/forward/forward.js'
import type { ForwardRoute } from '../src/forward/forward-route.js'
import type { FromOptions } from '../src/forward/from-options.js'
import { upgradeOf } from '../src/forward/upgrade.js'
import { HTTP_PROXY_NAMES, checkHttpProxyOptions, foreignTransport, ignoredOptions, readUndici } from '../src/options/http-proxy.js'
import { toWritable } from '../src/http/headers.js'
import type { HeaderRecord } from '../src/http/headers.js'
import { localizedLocation, prefixAtBackend, prefixInPath, refuseParameters } from '../src/http/rewritten-prefix.js'
import type { Parameters } from '../src/http/rewritten-prefix.js'
import { ROUTE_NAMES, resolveRouteOptions } from '../src/options/route-options.js'
import { TARGET_GROUPS, resolveTargetOptions } from '../src/options/target-options.js'
import { refuseUnknown } from '../src/options/unknown-names.js'
import type { RouteOptions, TargetOptions, UndiciOptions, WhereToOptions } from '../src/options/option-types.js'
import type { ResolvedTargetOptions } from '../src/options/target-options.js'
import { checkChosen, checkUpstreams, parseUpstream } from '../src/options/upstream.js'
import { OriginDispatcher } from '../src/target/origin-dispatcher.js'
import type { Target } from '../src/target/target.js'
import { connectionInspector } from './connection-inspector.js'
import { drainByDefault } from './drain.js'
import { namingOptionsOf } from '../src/options/named-options.js'
import { giveWayToOwnRoutes } from '../src/gateway/own-routes.js'
import { shareRepliesOf } from '../src/gateway/shared-replies.js'
import { registerRequestRules } from './request-rules.js'
import { DEFAULT_SETTINGS, createState, existingState } from '../src/gateway/state.js'
import type { GatewayState } from '../src/gateway/state.js'
import { acceptHookedBodies } from '../src/admit/hooked-bodies.js'
import { streamBodies } from '../src/admit/odd-content-type.js'
import { acceptUpgrades } from '../src/admit/upgrades.js'
import { upgradableRoutes } from '../src/gateway/upgradable-routes.js'

type WebSocketOptions = { websocket?: boolean, wsUpstream?: string, wsHooks?: object, wsReconnect?: object }

/** Every option of `@fastify/http-proxy` with its meaning, and the target's and the route's own settings. */
export interface ProxyOptions extends Omit<FastifyHttpProxyOptions, 'upstream' | 'undici'>, WebSocketOptions, WhereToOptions, TargetOptions, RouteOptions {
  /** The name that `@fastify/http-proxy` has for `undiciOptions`. */
  undici?: FastifyHttpProxyOptions['undici']
}

const OWN_NAMES = [...TARGET_GROUPS, ...ROUTE_NAMES, 'target']
// They choose http-proxy's own WebSocket client; what it does is its own.
const WS_NAMES = ['wsHooks', 'wsReconnect', 'wsServerOptions', 'wsClientOptions'] as const
// Given no `websocket`, it leaves the server's 'upgrade' and `close` alone.
const WITHOUT_WEBSOCKET = { websocket: undefined, wsUpstream: undefined }

/**
 * Proxies a prefix to a target: the routes and the rewriting of `@fastify/http-proxy` over a managed pool. Register it once a prefix.
 * Throws HOLDFAST_ERR_OPTION, before the app can start, for an option that cannot be.
 */
export const proxy = fp<ProxyOptions>(async (app, options) => {
  const { target } = options
  await namingOptionsOf(`proxy ${whereOf(app)}${typeof target === 'string' ? `, target ${target}` : ''}`, () => registerRoute(app, options))
}, { name: 'holdfast-proxy', fastify: '5.x', encapsulate: true })

async function registerRoute (app: FastifyInstance, options: ProxyOptions): Promise<void> {
  refuseUnknown(options, [...HTTP_PROXY_NAMES, ...OWN_NAMES], '')
  checkHttpProxyOptions(options as Record<string, unknown>)
  checkUpstreams({ ...options, getUpstream: options.replyOptions?.getUpstream })
  const state = existingState(app) ?? createState(app, DEFAULT_SETTINGS)
  // A hook of this scope where there is no gateway: one at the root could not be added from here.
  await registerRequestRules(app)
  await app.register(connectionInspector)
  if (app.gateway === undefined) drainByDefault(app)
  giveWayToOwnRoutes(app)
  const where = whereOf(app)

  const foreign = foreignTransport(options as Record<string, unknown>)
  if (foreign !== undefined) {
    state.warn(where, [{ id: 'unmanaged', found: `${foreign} asks for another transport: this route is @fastify/http-proxy's as it stands` }])
    await app.register(httpProxy, withoutOwn(options) as unknown as FastifyHttpProxyOptions)
    return
  }

  const legacy = readUndici(options.undici)
  const given: TargetOptions = { ...options, undiciOptions: { ...legacy.undiciOptions, ...options.undiciOptions } }
  state.warnOf(where, given)
  state.warn(where, [...legacy.warnings, ...ignoredOptions(options as Record<string, unknown>)])
  const ws = WS_NAMES.filter(name => options[name] !== undefined)
  const upgradable = isUpgradable(options)
  const tunnels = upgradable && isOurs(options)
  if (upgradable && !tunnels) {
    state.warn(where, [{ id: 'unmanaged', found: `${ws.join(', ')}: upgraded connections of this route are @fastify/http-proxy's own` }])
  }

  const { handler } = options
  const { prefix } = app
  const { route, upgradeRoute, dispatcher } = declareRoute(app, state, options, given)
  if (handler !== undefined && options.upstream?.startsWith('unix+') === true) {
    state.warn(where, [{ id: 'unmanaged', found: 'handler: what it sends by reply.from() to a unix socket goes over connections of their own' }])
  }
  if (!parsesBodies(options)) {
    forgetParsers(app, options)
    acceptHookedBodies(app)
    // A handler of the user's may hand on Fastify's headers, in which nothing must be missing.
    if (handler === undefined) streamBodies(app)
  }
  const replyOptions = replyOptionsOf(options, prefix)
  shareRepliesOf(app)
  const fastWayAdded = isPlainRoute(prefix, options)
    ? addFastWay(app, route, { prefix, rewritePrefix: rewritePrefixOf(prefix, options), from: replyOptions })
    : undefined
  await app.register(httpProxyHere, {
    ...withoutOwn(options),
    ...tunnels ? WITHOUT_WEBSOCKET : { websocket: upgradable },
    ...tunnels ? { upstream: httpUpstream(options) } : undefined,
    ...parameterRule(rewritePrefixOf(prefix, options), options),
    // For the handlers that call `reply.from` with what they are given: http-proxy's own puts the prefix into any Location.
    internalRewriteLocationHeader: false,
    replyOptions: { ...replyOptions, rewriteHeaders: route.rewriteHeaders },
    undici: options.upstream?.startsWith('unix+') === true ? {} : dispatcher,
    handler: (request: FastifyRequest, reply: FastifyReply, dest: string, from: FromOptions) => {
      const upgrade = tunnels ? upgradeOf(request.raw) : undefined
      if (upgrade !== undefined) return forward(upgradeRoute, request, reply, dest, from, upgrade)
      return handler === undefined ? forward(route, request, reply, dest, from) : handler(request, reply as never, dest, from as never)
    }
  } as unknown as FastifyHttpProxyOptions)
  fastWayAdded?.()
  if (tunnels) acceptUpgrades(app, upgradableRoutes(app), state.upgrades)
}

/** A route as a person knows it. */
function whereOf ({ prefix }: FastifyInstance): string {
  return prefix === '' ? '/' : prefix
}

// It would make a scope within this one, which is made for it. Scopes side by side are alike to V8, one within another is like no other.
const httpProxyHere = fp((app, options) => (httpProxy as unknown as FastifyPluginAsync<object>)(app, options), { name: '@fastify/http-proxy', fastify: '5.x' })

/** Whether the destination of a plain path follows from the path alone. */
function isPlainRoute (prefix: string, options: ProxyOptions): boolean {
  return options.handler === undefined && options.preRewrite === undefined && options.replyOptions?.getUpstream === undefined &&
    !isUpgradable(options) && !/[:*]/.test(prefix)
}

/** What looks at the parameters of each request before they are put into the path; `reply.fromParameters` asks it as well. */
function parameterRule (rewritePrefix: string, { preRewrite }: ProxyOptions): Pick<FastifyHttpProxyOptions, 'preRewrite'> | undefined {
  if (!rewritePrefix.includes(':')) return undefined
  return {
    preRewrite: (url, parameters, prefix) => {
      refuseParameters(rewritePrefix, parameters as Parameters)
      return preRewrite === undefined ? url : preRewrite(url, parameters, prefix)
    }
  }
}

/** Whether the app asks for bodies that its parsers have read. */
function parsesBodies ({ proxyPayloads, preValidation }: ProxyOptions): boolean {
  return proxyPayloads === false || preValidation !== undefined
}

/**
 * Takes the app's parsers of request bodies, and Fastify's own, out of this scope. What a parser has read cannot be sent on as the client wrote
 * it, and one of the app's for JSON would keep http-proxy, which adds two that hand on the stream, from starting.
 */
function forgetParsers (app: FastifyInstance, { contentTypesToEncode }: ProxyOptions): void {
  if (contentTypesToEncode === undefined) {
    app.removeAllContentTypeParsers()
    // reply-from warns of it, route by route; here it has nothing left to parse with.
    const { hasPlugin } = app
    app.hasPlugin = (name: string): boolean => name !== '@fastify/multipart' && hasPlugin.call(app, name)
    return
  }
  // A type that is to be encoded has to be parsed, and Fastify does not say which types it has parsers for.
  for (const type of ['application/json', 'text/plain']) if (app.hasContentTypeParser(type)) app.removeContentTypeParser(type)
}

function isUpgradable ({ websocket, wsUpstream }: ProxyOptions): boolean {
  return websocket === true || Boolean(wsUpstream)
}

/** Whether what becomes of an upgrade is for us to do, and not for http-proxy's own client. */
function isOurs (options: ProxyOptions): boolean {
  return WS_NAMES.every(name => options[name] === undefined)
}

/** What http-proxy is to take for the upstream of a route whose WebSockets are not its own. */
function httpUpstream ({ upstream, wsUpstream, replyOptions }: ProxyOptions): string | undefined {
  if (upstream || replyOptions?.getUpstream !== undefined) return toHttp(upstream ?? '')
  if (!wsUpstream) return upstream
  // It wants one; what is no upgrade has nowhere to go, and is told so.
  return parseUpstream(toHttp(wsUpstream), 'wsUpstream').origin.href
}

function toHttp (url: string): string {
  return url.replace(/^ws/, 'http')
}

function withoutOwn (options: ProxyOptions): Record<string, unknown> {
  const rest: Record<string, unknown> = { ...options }
  // The prefix is this plugin's scope's already.
  for (const name of [...OWN_NAMES, 'prefix', 'undici']) delete rest[name]
  if (options.undici !== undefined) rest['undici'] = options.undici
  return rest
}

/** As given, and such that a `reply.from()` in a hook or handler of the user's does as the route does. */
function replyOptionsOf (options: ProxyOptions, prefix: string): FromOptions & { retryDelay: () => null } {
  const given = options.replyOptions
  const onError = given?.onError as FromOptions['onError']
  const getUpstream = given?.getUpstream as FromOptions['getUpstream']
  // Where each request makes its own path, what that begins with is not known.
  const within = prefix.includes(':') || options.preRewrite !== undefined ? undefined : rewritePrefixOf(prefix, options)
  return {
    ...given as FromOptions,
    ...getUpstream === undefined
      ? undefined
      : {
          getUpstream: (request: FastifyRequest, base: string) => {
            const chosen = getUpstream(request, base)
            if (chosen !== base) checkChosen(chosen, within)
            return chosen
          }
        },
    // It asks a 503 again up to ten times unless told otherwise.
    retryDelay: () => null,
    // It makes a 500 of its own of every error that it does not know.
    onError: (reply: FastifyReply, { error: told }: { error: Error }): unknown => {
      const error = !(told instanceof HoldfastError) && told.cause instanceof HoldfastError ? told.cause : told
      if (onError === undefined) return reply.send(error)
      // Fastify logs what it answers itself, and reply-from what it reports.
      if (told instanceof HoldfastError) reply.request.log.warn({ err: told }, told.message)
      return onError(reply, { error })
    }
  }
}

interface DeclaredRoute { readonly route: ForwardRoute, readonly upgradeRoute: ForwardRoute, readonly dispatcher: Dispatcher }

function declareRoute (app: FastifyInstance, state: GatewayState, options: ProxyOptions, given: TargetOptions): DeclaredRoute {
  const { settings } = state
  const { upstream, wsUpstream, target: name, replyOptions } = options
  const prefix = app.prefix
  // http-proxy takes ws: and wss: where a route serves WebSockets; what else the route serves goes to the same server.
  const upgradable = isUpgradable(options)
  const url = upgradable && upstream !== undefined ? toHttp(upstream) : upstream
  const address = url === undefined || url === '' ? undefined : parseUpstream(url)
  const resolved = resolveTargetOptions(settings.defaults, withSocketPath(given, address?.socketPath))
  const target = address === undefined ? undefined : state.targets.declare({ origin: address.origin, options: resolved, prefix, name })
  const wsAddress = wsUpstream && isOurs(options) ? parseUpstream(toHttp(wsUpstream), 'wsUpstream') : undefined
  const wsTarget = wsAddress === undefined
    ? undefined
    : state.targets.declare({ origin: wsAddress.origin, options: resolveTargetOptions(settings.defaults, withSocketPath(given, wsAddress.socketPath)), prefix })
  const rewritePrefix = rewritePrefixOf(prefix, options)
  const userRewrite = replyOptions?.rewriteHeaders as ((headers: HeaderRecord, request: FastifyRequest) => HeaderRecord) | undefined
  const rewriteLocation = options.internalRewriteLocationHeader !== false
  const route: ForwardRoute = {
    options: resolveRouteOptions(settings.defaults, options),
    maxHops: settings.maxHops,
    jsonTypes: new Set(['application/json', ...options.contentTypesToEncode ?? []]),
    targetOf: (request, from) => {
      const chosen = from.getUpstream?.(request, upstream ?? '')
      if (chosen === undefined || chosen === upstream) return target ?? noUpstream()
      return chosenTarget(state, upgradable ? toHttp(chosen) : chosen, resolved, prefix)
    },
    rewritesHeaders: userRewrite !== undefined,
    rewriteHeaders: (headers, request) => {
      const { location } = headers
      if (location !== undefined && rewriteLocation) {
        headers['location'] = typeof location === 'string' ? localized(location, request) : location.map(line => localized(line, request))
      }
      if (userRewrite === undefined) return headers
      const rewritten = toWritable(userRewrite(headers, request))
      // Node would throw while the head is written, where an answer that streams has nobody to catch it.
      for (const name of Object.keys(rewritten)) validateHeaderName(name)
      return rewritten
    }
  }
  const declared = { prefix, options: route.options, targetOptions: resolved }
  if (wsTarget === undefined) state.routes.push({ ...declared, target, upgradable: upgradable && isOurs(options) })
  else state.routes.push({ ...declared, target: wsTarget, upgradable: true }, ...target === undefined ? [] : [{ ...declared, target, upgradable: false }])
  const dispatcher = new OriginDispatcher(origin => {
    if (origin === target?.origin) return target
    return replyOptions?.getUpstream === undefined ? state.targets.dispatcher : chosenTarget(state, origin, resolved, prefix)
  })
  return { route, upgradeRoute: wsTarget === undefined ? route : { ...route, targetOf: () => wsTarget }, dispatcher }

  function localized (location: string, request: FastifyRequest): string {
    if (!prefix.includes(':')) return localizedLocation(location, rewritePrefix, prefix)
    return localizedLocation(location, prefixAtBackend(rewritePrefix, request.params as Parameters), prefixInPath(prefix, request.raw.url!))
  }
}

function chosenTarget (state: GatewayState, upstream: string, options: ResolvedTargetOptions, prefix: string): Target {
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined
  // A unix socket is an option of a target, and cannot be chosen by request.
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') throw new HoldfastError('HOLDFAST_ERR_UNKNOWN_TARGET')
  return state.targets.dynamic(url, options, prefix)
}

function noUpstream (): never {
  throw new HoldfastError('HOLDFAST_ERR_UNKNOWN_TARGET')
}

function withSocketPath (given: TargetOptions, socketPath: string | undefined): TargetOptions {
  if (socketPath === undefined) return given
  const undiciOptions: UndiciOptions = { ...given.undiciOptions, socketPath }
  return { ...given, undiciOptions }
}

/** As http-proxy has it: what the prefix is replaced by. */
function rewritePrefixOf (prefix: string, options: ProxyOptions): string {
  const to = options.rewritePrefix || (options.upstream ? new URL(options.upstream).pathname : '/')
  return !prefix.endsWith('/') && to.endsWith('/') ? to.slice(0, -1) : to
}
