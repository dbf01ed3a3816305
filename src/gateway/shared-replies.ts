import replyFrom from '@fastify/reply-from'
import type { FastifyReplyFromOptions } from '@fastify/reply-from'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { decorateBy, decoratorOf, shareClasses } from '../quirks/fastify-classes.js'
import { scopeAround } from '../quirks/fastify-scope.js'
import { HTTP_PROXY_DECORATIONS } from '../quirks/http-proxy.js'
import { REPLY_FROM_DECORATIONS } from '../quirks/reply-from.js'

type Decoration = ((this: FastifyReply, ...given: unknown[]) => unknown) | { getter (this: FastifyReply): unknown }

const NAMES: ReadonlySet<string> = new Set([...REPLY_FROM_DECORATIONS, ...HTTP_PROXY_DECORATIONS])
// By scope and name.
const decorations = new WeakMap<object, Map<string, Decoration>>()

/**
 * Registers `@fastify/reply-from` for the handlers of an app that call `reply.from()` themselves, unless the app has it. One that the app
 * registers later takes its place. From then on the decorations are properties of the app's replies, which look up those of their scope, so
 * that nested scopes do not decorate replies of their own.
 */
export async function shareReplies (app: FastifyInstance, options: FastifyReplyFromOptions): Promise<void> {
  if (app.hasPlugin('@fastify/reply-from')) return
  const decorateReply = decoratorOf(app, 'decorateReply')
  // Until the app registers a reply-from of its own.
  let ours: Decoration | undefined
  decorateBy(app, 'decorateReply', function (name, ...given) {
    if (!NAMES.has(name)) return Reflect.apply(decorateReply, this, [name, ...given])
    const own = decorations.get(this) ?? new Map<string, Decoration>()
    if (ours !== undefined && own.get(name) === ours) {
      own.delete(name)
      ours = undefined
    }
    // The app's replies have it, which is what Fastify says of a second one of a scope's.
    if (own.has(name)) return Reflect.apply(decorateReply, app, [name, ...given])
    decorations.set(this, own.set(name, given[0] as Decoration))
    return this
  })
  for (const name of NAMES) {
    Reflect.apply(decorateReply, app, [name, {
      getter (this: FastifyReply) {
        const found = decorationOf(this.server, name)
        return typeof found === 'object' ? found.getter.call(this) : found
      }
    }])
  }
  await app.register(replyFrom, options)
  ours = decorations.get(app)?.get('from')
}

/**
 * Makes the proxied routes of this scope use the classes of requests and replies of the scope around it. Fastify makes classes for each
 * scope, and keeps them where any is decorated. With many classes, V8's caches miss each property of a reply: with 1 000 routes asked in
 * turn, that takes a third of a request's CPU time.
 */
export function shareRepliesOf (app: FastifyInstance): void {
  // Where nothing is looked up, http-proxy decorates.
  if (decorationOf(app, 'from') !== undefined) shareClasses(app, NAMES)
}

/** That of the scope, or of the next around it that has one. */
function decorationOf (app: FastifyInstance, name: string): Decoration | undefined {
  for (let scope: FastifyInstance | undefined = app; scope !== undefined; scope = scopeAround(scope)) {
    const found = decorations.get(scope)?.get(name)
    if (found !== undefined) return found
  }
  return undefined
}
