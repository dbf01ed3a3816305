import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginAsync, FastifyServerOptions } from 'fastify'
import { Rehearsal } from './rehearsal.js'
import { UsageError } from './usage-error.js'

// A script may take its time before it listens, and has at least that of a plugin of Fastify's.
const SCRIPT_TIME = 10_000
// A module that exports its app may start it too.
const MODULE_TIME = 1_000
// Where several functions are exported.
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
  // As if node had been given it: a module may ask whether it is the one that was started, and whatever else was typed is ours.
  process.argv.splice(1, Infinity, file)
  const { apps } = rehearsal
  const module = exportsOf(await import(pathToFileURL(file).href) as Record<string, unknown>, apps)
  if (apps.length === 0) await build(module)
  await rehearsal.settled(Object.keys(module).length === 0 ? SCRIPT_TIME : MODULE_TIME)
  await Promise.all(apps.map(app => app.ready()))
  return apps
}

/**
 * What `load` comes to in a rehearsal, unless that fails before. What goes wrong is told in one line, or with a stack where code has
 * thrown.
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

/** A module's exports by name. Those of a CommonJS module are found below `default`, and some of them beside it. */
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
  // Loaded by ready(), as the plugins of any app.
  Fastify({ ...options, logger: false }).register(builder as FastifyPluginAsync)
}

/** What cannot be loaded, for a person: with its stack, unless it is an option that was refused. */
function told (path: string, error: unknown): UsageError {
  if (error instanceof UsageError) return error
  const { code } = (error ?? {}) as { code?: unknown }
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return new UsageError(`check: ${path}: node does not run this as it stands; for TypeScript, node --import=tsx node_modules/holdfast/dist/src/cli/main.js check ${path}`)
  const words = !(error instanceof Error) ? String(error) : code === 'HOLDFAST_ERR_OPTION' ? error.message : `\n${error.stack}`
  return new UsageError(`check: ${path} cannot be loaded: ${words}`)
}
