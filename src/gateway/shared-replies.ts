import replyFrom from '@fastify/reply-from'
import type { FastifyReplyFromOptions } from '@fastify/reply-from'
import type { FastifyInstance, FastifyReply } from 'fastify'

type Decoration = ((this: FastifyReply, ...given: unknown[]) => unknown) | { getter (this: FastifyReply): unknown }
type Decorator = (this: FastifyInstance, name: string, ...given: unknown[]) => FastifyInstance

// What reply-from and http-proxy decorate the replies of each of their scopes with.
const NAMES: ReadonlySet<string> = new Set(['from', 'fromParameters', 'wsProxy'])
const CLASSES = [['fastify.Request', 'decorateRequest'], ['fastify.Reply', 'decorateReply']] as const
const DECORATED = 'fastify.hasBeenDecorated'
// By scope and name.
const decorations = new WeakMap<object, Map<string, Decoration>>()

/**
 * Registers `@fastify/reply-from` for the handlers of an app that call `reply.from()` themselves, unless the app has it. One that the app
 * registers later takes its place. From then on the decorations are properties of the app's replies, which look up those of their scope, so
 * that nested scopes do not decorate replies of their own.
 */
export async function shareReplies (app: FastifyInstance, options: FastifyReplyFromOptions): Promise<void> {
  if (app.hasPlugin('@fastify/reply-from')) return
  const decorateReply = app.decorateReply as unknown as Decorator
  // Until the app registers a reply-from of its own.
  let ours: Decoration | undefined
  override(app, 'decorateReply', function (name, ...given) {
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
  if (decorationOf(app, 'from') === undefined) return
  for (const [name, decorate] of CLASSES) shareClass(app, name, decorate)
}

// Fastify tells nobody of its classes: where it keeps them by another name one day, each scope has its own as before.
function shareClass (app: FastifyInstance, name: string, decorate: 'decorateRequest' | 'decorateReply'): void {
  const around = Object.getPrototypeOf(app) as object
  const key = symbolOf(app, name)
  const own: unknown = key === undefined ? undefined : Reflect.get(app, key)
  // By a hook of the app's, as of `onRegister`.
  const decorated = typeof own !== 'function' || symbolOf(own, DECORATED) !== undefined
  if (key === undefined || decorated || !Reflect.has(around, key)) return
  Reflect.set(app, key, Reflect.get(around, key))
  const inherited = app[decorate] as unknown as Decorator
  // Such a hook may come later too, as of `onRoute`.
  override(app, decorate, function (name, ...given) {
    if (!NAMES.has(name)) Reflect.set(app, key, own)
    return Reflect.apply(inherited, this, [name, ...given])
  })
}

function override (app: FastifyInstance, decorate: 'decorateRequest' | 'decorateReply', by: Decorator): void {
  Reflect.set(app, decorate, by)
}

/** An own one. */
function symbolOf (object: object, name: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find(({ description }) => description === name)
}

/** That of the scope, or of the next around it that has one. */
function decorationOf (app: FastifyInstance, name: string): Decoration | undefined {
  for (let scope: object | null = app; scope !== null; scope = Object.getPrototypeOf(scope) as object | null) {
    const found = decorations.get(scope)?.get(name)
    if (found !== undefined) return found
  }
  return undefined
}
