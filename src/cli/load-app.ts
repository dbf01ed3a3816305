import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginAsync, FastifyServerOptions } from 'fastify'
import { Rehearsal } from './rehearsal.js'
import { UsageError } from './usage-error.js'

// In ms, before a script listens: as long as Fastify gives a plugin.
const SCRIPT_TIME = 10_000
// In ms, for a module that exports its app and starts it too.
const MODULE_TIME = 1_000
// Tried in this order where a module exports several functions.
const NAMES = ['default', 'buildApp', 'build', 'createApp', 'app', 'plugin']
const BUILDER = /^(?:build|create|make|start|init)/i
// fastify-plugin's mark.
const PLUGIN = Symbol.for('skip-override')

type Builder = ((...args: unknown[]) => unknown) & { readonly [PLUGIN]?: boolean }

/**
 * The apps that a module makes, ready and not listening. It exports an app, a function that builds one, or a plugin as fastify-cli
 * has it; or it is a script that builds an app and listens. Throws UsageError for what is none of these.
 */
export async function loadApp (path: string, rehearsal: Rehearsal): Promise<readonly FastifyInstance[]> {
  const file = resolve(path)
  if (!existsSync(file)) throw new UsageError(`check: ${path}: there is no such file`)
  // As if Node had been started with it: a module may compare itself with argv[1]. The other arguments are those of this command.
  process.argv.splice(1, Infinity, file)
  const { apps } = rehearsal
  const module = exportsOf(await import(pathToFileURL(file).href) as Record<string, unknown>, apps)
  if (apps.length === 0) await build(module)
  await rehearsal.settled(Object.keys(module).length === 0 ? SCRIPT_TIME : MODULE_TIME)
  await Promise.all(apps.map(app => app.ready()))
  return apps
}

/**
 * The result of `load` in a rehearsal. Rejects with a UsageError: of one line, or with a stack where code of the app has thrown.
 */
export async function rehearsed<T> (path: string, load: (rehearsal: Rehearsal) => Promise<T>): Promise<T> {
  const rehearsal = new Rehearsal()
  try {
    return await Promise.race([load(rehearsal), rehearsal.failed])
  } catch (error) {
    throw told(path, error)
  } finally {
    rehearsal.over()
  }
}

/** A module's exports by name. Node puts those of a CommonJS module below `default`, and some of them beside it as well. */
function exportsOf (module: Record<string, unknown>, apps: readonly unknown[]): Record<string, unknown> {
  const { default: main, ...named } = module
  for (const mark of ['__esModule', 'module.exports']) delete named[mark]
  if (typeof main === 'object' && main !== null && !apps.includes(main)) return { ...main, ...named }
  return main === undefined ? named : { default: main, ...named }
}

async function build (module: Record<string, unknown>): Promise<void> {
  const functions = Object.keys(module).filter(name => typeof module[name] === 'function')
  const name = NAMES.find(name => functions.includes(name)) ?? (functions.length === 1 ? functions[0] : undefined)
  if (name === undefined) return
  const builder = module[name] as Builder
  if (builder[PLUGIN] === undefined && (builder.length === 0 || BUILDER.test(name) || BUILDER.test(builder.name))) {
    await builder({})
    return
  }
  const options = typeof module['options'] === 'object' ? module['options'] as FastifyServerOptions : {}
  // `ready()` loads it.
  Fastify({ ...options, logger: false }).register(builder as FastifyPluginAsync)
}

/** The error for a person: with a stack, unless an option was refused. */
function told (path: string, error: unknown): UsageError {
  if (error instanceof UsageError) return error
  const { code } = (error ?? {}) as { code?: unknown }
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return new UsageError(`check: ${path}: node cannot run this file; for TypeScript, node --import=tsx node_modules/holdfast/dist/src/cli/main.js check ${path}`)
  const words = !(error instanceof Error) ? String(error) : code === 'HOLDFAST_ERR_OPTION' ? error.message : `\n${error.stack}`
  return new UsageError(`check: ${path} cannot be loaded: ${words}`)
}
