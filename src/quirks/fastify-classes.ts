import type { FastifyInstance } from 'fastify'
import { ownSymbol, scopeAround } from './fastify-scope.js'

type Decorate = 'decorateRequest' | 'decorateReply'

/** The method `decorateRequest` or `decorateReply` of a scope. `this` is the scope. */
export type Decorator = (this: FastifyInstance, name: string, ...given: unknown[]) => FastifyInstance

const CLASSES = [['fastify.Request', 'decorateRequest'], ['fastify.Reply', 'decorateReply']] as const
// On a class that has been decorated.
const DECORATED = 'fastify.hasBeenDecorated'

/** The method that decorates the requests or replies of a scope now. Fastify's types allow it fewer kinds of decoration than it takes. */
export function decoratorOf (scope: FastifyInstance, decorate: Decorate): Decorator {
  return scope[decorate] as unknown as Decorator
}

/**
 * Replaces the method that decorates the requests or replies of a scope, and of the scopes within it. A plugin decorates with the method
 * of the scope that it gets, and a scope inherits the methods of the scope around it. Fastify's docs promise neither. If a later version
 * does otherwise, plugins decorate as if nothing were replaced.
 */
export function decorateBy (scope: FastifyInstance, decorate: Decorate, by: Decorator): void {
  Reflect.set(scope, decorate, by)
}

/**
 * Makes a scope use the classes of requests and replies of the scope around it, in place of its own. A route uses the classes that its
 * scope has when the route is declared. Fastify's docs do not mention the classes. The scope keeps its own classes where they are
 * decorated already, or where a later version keeps them under another name. It gets them back when something decorates it with a name
 * that is not in `names`.
 *
 * @param names decorations that do not need the scope's own classes
 */
export function shareClasses (scope: FastifyInstance, names: ReadonlySet<string>): void {
  for (const [name, decorate] of CLASSES) shareClass(scope, name, decorate, names)
}

function shareClass (scope: FastifyInstance, name: string, decorate: Decorate, names: ReadonlySet<string>): void {
  const around = scopeAround(scope)
  const key = ownSymbol(scope, name)
  if (around === undefined || key === undefined) return
  const own: unknown = Reflect.get(scope, key)
  // An `onRegister` hook of the app may have decorated it.
  const decorated = typeof own !== 'function' || ownSymbol(own, DECORATED) !== undefined
  if (decorated || !Reflect.has(around, key)) return
  Reflect.set(scope, key, Reflect.get(around, key))
  const inherited = decoratorOf(scope, decorate)
  // An `onRoute` hook may decorate it later.
  decorateBy(scope, decorate, function (name, ...given) {
    if (!names.has(name)) Reflect.set(scope, key, own)
    return Reflect.apply(inherited, this, [name, ...given])
  })
}
