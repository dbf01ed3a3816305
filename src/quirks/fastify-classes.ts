import type { FastifyInstance } from 'fastify'
import { ownSymbol, scopeAround } from './fastify-scope.js'

type Decorate = 'decorateRequest' | 'decorateReply'

/** `decorateRequest` or `decorateReply` of a scope, which is `this`. */
export type Decorator = (this: FastifyInstance, name: string, ...given: unknown[]) => FastifyInstance

const CLASSES = [['fastify.Request', 'decorateRequest'], ['fastify.Reply', 'decorateReply']] as const
// On a class.
const DECORATED = 'fastify.hasBeenDecorated'

/** What decorates a scope's requests or replies now. Its types know no decorator of any kind. */
export function decoratorOf (scope: FastifyInstance, decorate: Decorate): Decorator {
  return scope[decorate] as unknown as Decorator
}

/**
 * Puts another decorator in the place of a scope's own, for the scope and those within it. Plugins decorate by the
 * method of the scope that they are given, and a scope inherits the methods of the scope around it: Fastify's docs
 * promise neither.
 */
export function decorateBy (scope: FastifyInstance, decorate: Decorate, by: Decorator): void {
  Reflect.set(scope, decorate, by)
}

/**
 * Gives a scope the classes of requests and replies of the scope around it, in the place of its own, until it is
 * decorated with anything but `names`. A route uses the classes that its scope has when the app is ready, and
 * Fastify's docs do not speak of them. Where a scope has been decorated already, or where a later version keeps its
 * classes by another name, it keeps its own.
 *
 * @param names what decorates the scope otherwise than on its classes, for requests or replies
 */
export function shareClasses (scope: FastifyInstance, names: ReadonlySet<string>): void {
  for (const [name, decorate] of CLASSES) shareClass(scope, name, decorate, names)
}

function shareClass (scope: FastifyInstance, name: string, decorate: Decorate, names: ReadonlySet<string>): void {
  const around = scopeAround(scope)
  const key = ownSymbol(scope, name)
  if (around === undefined || key === undefined) return
  const own: unknown = Reflect.get(scope, key)
  // By a hook of the app's, as of `onRegister`.
  const decorated = typeof own !== 'function' || ownSymbol(own, DECORATED) !== undefined
  if (decorated || !Reflect.has(around, key)) return
  Reflect.set(scope, key, Reflect.get(around, key))
  const inherited = decoratorOf(scope, decorate)
  // Such a hook may come later too, as of `onRoute`.
  decorateBy(scope, decorate, function (name, ...given) {
    if (!names.has(name)) Reflect.set(scope, key, own)
    return Reflect.apply(inherited, this, [name, ...given])
  })
}
