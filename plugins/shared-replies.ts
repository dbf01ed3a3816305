import replyFrom from '@fastify/reply-from'
import type { FastifyReplyFromOptions } from '@fastify/reply-from'
import type { FastifyInstance, FastifyReply } from 'fastify'

type Method = (this: FastifyReply, ...given: unknown[]) => unknown

/** What reply-from and http-proxy decorate the replies of a scope with. */
interface Decorations { from?: Method, fromParameters?: Method, wsProxy?: { getter: Method } }

const REPLY_FROM = '@fastify/reply-from'
const NAMES = ['from', 'fromParameters', 'wsProxy'] as const
const CLASSES = ['fastify.Request', 'fastify.Reply']
const DECORATED = 'fastify.hasBeenDecorated'
// Of each scope that would have decorated its replies.
const decorations = new WeakMap<object, Decorations>()

/**
 * Registers @fastify/reply-from for an app, whose handlers may call `reply.from` themselves, unless it has that; and decorates replies such
 * that each proxied route within has what is its own.
 */
export async function shareReplies (app: FastifyInstance, options: FastifyReplyFromOptions): Promise<void> {
  if (app.hasPlugin(REPLY_FROM)) return
  await app.register(async scope => {
    keepDecorations(scope, app)
    await scope.register(replyFrom, options)
  })
  for (const name of ['from', 'fromParameters'] as const) {
    app.decorateReply(name, function (this: FastifyReply, ...given: unknown[]) {
      const method = decorationOf(this.server, name)
      if (method === undefined) throw new TypeError(`reply.${name} is for proxied routes`)
      return method.apply(this, given)
    })
  }
  app.decorateReply('wsProxy', { getter () { return decorationOf(this.server, 'wsProxy')?.getter.call(this) } })
}

/**
 * Lets the proxied routes of this scope do without classes of requests and replies of their own. Fastify makes them for each scope, and gives
 * them up again only where nobody has decorated any, as http-proxy does in each of its own; V8 then finds no property of a reply in its
 * caches. With 1 000 routes asked in turn that is a third of a request's CPU time.
 */
export function shareRepliesOf (app: FastifyInstance): void {
  // Of a scope that has registered it for itself, replies have another `from`.
  if (decorationOf(app, 'from') === undefined || app.hasPlugin(REPLY_FROM)) return
  keepDecorations(app)
  for (const name of CLASSES) shareClass(app, name)
}

// Fastify tells nobody of its classes: where it keeps them by another name one day, each scope has its own as before.
function shareClass (app: FastifyInstance, name: string): void {
  const around = Object.getPrototypeOf(app) as object
  const key = symbolOf(app, name)
  const own: unknown = key === undefined ? undefined : Reflect.get(app, key)
  // By a hook of the app's, as of `onRegister`.
  const decorated = typeof own !== 'function' || symbolOf(own, DECORATED) !== undefined
  if (key !== undefined && !decorated && Reflect.has(around, key)) Reflect.set(app, key, Reflect.get(around, key))
}

/** An own one. */
function symbolOf (object: object, name: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find(({ description }) => description === name)
}

/** Keeps, for their scope or the one given, what replies of this scope, or of one within it, would be decorated with. */
function keepDecorations (app: FastifyInstance, of?: FastifyInstance): void {
  const { decorateReply } = app
  app.decorateReply = function (this: FastifyInstance, ...given: [name: string, value: unknown]) {
    const [name, value] = given
    if (!(NAMES as readonly string[]).includes(name)) return Reflect.apply(decorateReply, this, given) as FastifyInstance
    const scope = of ?? this
    decorations.set(scope, { ...decorations.get(scope), [name]: value })
    return this
  } as FastifyInstance['decorateReply']
}

/** That of the scope, or of the next around it that has one. */
function decorationOf<Name extends keyof Decorations> (app: FastifyInstance, name: Name): Decorations[Name] {
  for (let scope: object | null = app; scope !== null; scope = Object.getPrototypeOf(scope) as object | null) {
    const found = decorations.get(scope)?.[name]
    if (found !== undefined) return found
  }
  return undefined
}
