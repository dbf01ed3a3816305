import type { FastifyInstance } from 'fastify'

/**
 * A symbol that an object has itself, by its description; undefined where it has none of that description. Fastify
 * keeps its own under symbols that it does not export.
 */
export function ownSymbol (object: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find(symbol => symbol.description === description)
}

/**
 * The scope around a scope; undefined for the app itself. Fastify makes a scope by `Object.create` of the scope
 * around it, which its docs do not say. Should a later version do otherwise, a scope is taken for an app of its own.
 */
export function scopeAround (scope: FastifyInstance): FastifyInstance | undefined {
  const around: unknown = Object.getPrototypeOf(scope)
  return isScope(around) ? around : undefined
}

function isScope (value: unknown): value is FastifyInstance {
  return typeof value === 'object' && value !== null && 'addHook' in value
}

/**
 * The preParsing hooks that hold in a scope so far. Fastify has no API that lists hooks. undefined where a later
 * version keeps them by another name: there may be some.
 */
export function preParsingHooksOf (scope: FastifyInstance): readonly unknown[] | undefined {
  const key = ownSymbol(scope, 'fastify.hooks')
  const hooks = key === undefined ? undefined : Reflect.get(scope, key) as { preParsing?: unknown[] } | undefined
  return hooks?.preParsing
}
