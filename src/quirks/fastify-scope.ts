import type { FastifyInstance } from 'fastify'

/**
 * An object's own symbol with this description; undefined where it has none. Fastify keeps its internals under symbols that it does not
 * export.
 */
export function ownSymbol (object: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find(symbol => symbol.description === description)
}

/**
 * The scope around a scope; undefined for the app itself. Fastify makes a scope with `Object.create`, from the scope around it. Its docs
 * do not promise that. If a later version does otherwise, each scope counts as an app of its own.
 */
export function scopeAround (scope: FastifyInstance): FastifyInstance | undefined {
  const around: unknown = Object.getPrototypeOf(scope)
  return isScope(around) ? around : undefined
}

function isScope (value: unknown): value is FastifyInstance {
  return typeof value === 'object' && value !== null && 'addHook' in value
}

/**
 * The preParsing hooks that a scope has so far. Fastify has no API that lists hooks. If a later version keeps them under another name,
 * the result is undefined: there may be hooks.
 */
export function preParsingHooksOf (scope: FastifyInstance): readonly unknown[] | undefined {
  const key = ownSymbol(scope, 'fastify.hooks')
  const hooks = key === undefined ? undefined : Reflect.get(scope, key) as { preParsing?: unknown[] } | undefined
  return hooks?.preParsing
}
