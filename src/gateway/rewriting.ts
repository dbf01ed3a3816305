import { validateHeaderName } from 'node:http'
import type { FastifyHttpProxyOptions } from '@fastify/http-proxy'
import type { FastifyRequest } from 'fastify'
import type { ForwardRoute } from '../forward/forward-route.js'
import { toWritable } from '../http/headers.js'
import type { HeaderRecord } from '../http/headers.js'
import { rewritePrefixOf } from '../quirks/http-proxy.js'
import { localizedLocation, prefixAtBackend, prefixInPath, refuseParameters } from './rewritten-prefix.js'
import type { Parameters } from './rewritten-prefix.js'
import type { SingleOptions } from './proxy-options.js'
import { isUpgradable } from './route-upgrades.js'

/** Whether the path at the backend follows from the path of the request alone. */
export function isPlainRoute (prefix: string, options: SingleOptions): boolean {
  return options.handler === undefined && options.preRewrite === undefined && options.replyOptions?.getUpstream === undefined &&
    !isUpgradable(options) && !/[:*]/.test(prefix)
}

/** Checks the parameters of each request before http-proxy puts them into the path. `reply.fromParameters()` runs it too. */
export function parameterRule (rewritePrefix: string, options: SingleOptions): Pick<FastifyHttpProxyOptions, 'preRewrite'> | undefined {
  const { preRewrite } = options
  if (!rewritePrefix.includes(':')) return undefined
  return {
    preRewrite: (url, parameters, prefix) => {
      refuseParameters(rewritePrefix, parameters as Parameters)
      return preRewrite === undefined ? url : preRewrite(url, parameters, prefix)
    }
  }
}

/** Changes the headers of a route's responses: first the prefix in Location, then by the user's function. */
export function headerRewriting (prefix: string, options: SingleOptions): Pick<ForwardRoute, 'rewritesHeaders' | 'rewriteHeaders'> {
  const rewritePrefix = rewritePrefixOf(prefix, options)
  const userRewrite = options.replyOptions?.rewriteHeaders as ((headers: HeaderRecord, request: FastifyRequest) => HeaderRecord) | undefined
  const rewriteLocation = options.internalRewriteLocationHeader !== false
  return {
    rewritesHeaders: userRewrite !== undefined,
    rewriteHeaders: (headers, request) => {
      const { location } = headers
      if (location !== undefined && rewriteLocation) {
        headers['location'] = typeof location === 'string' ? localized(location, request) : location.map(line => localized(line, request))
      }
      if (userRewrite === undefined) return headers
      const rewritten = toWritable(userRewrite(headers, request))
      // Node would throw for it while the head is written, where nothing catches the error of a streamed response.
      for (const name of Object.keys(rewritten)) validateHeaderName(name)
      return rewritten
    }
  }

  function localized (location: string, request: FastifyRequest): string {
    if (!prefix.includes(':')) return localizedLocation(location, rewritePrefix, prefix)
    return localizedLocation(location, prefixAtBackend(rewritePrefix, request.params as Parameters), prefixInPath(prefix, request.raw.url!))
  }
}
