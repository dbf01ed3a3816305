import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { hasRouteFiles } from '../service/route-files.js'
import { UsageError } from './usage-error.js'

/** The folder that `--routes` names, as an absolute path. Throws UsageError for one that holds no route file, or that does not exist. */
export async function routesFolder (command: string, path: string): Promise<string> {
  const folder = resolve(path)
  const fault = await faultOf(folder)
  if (fault !== undefined) throw new UsageError(`${command}: --routes: ${JSON.stringify(path)}: ${fault}`)
  return folder
}

async function faultOf (folder: string): Promise<string | undefined> {
  const found = statSync(folder, { throwIfNoEntry: false })
  if (found === undefined) return 'there is no such folder'
  if (!found.isDirectory()) return 'is a file; give the folder that holds it'
  if (existsSync(join(folder, 'package.json'))) return 'is a package; give a folder below it that holds route files alone'
  if (await hasRouteFiles(folder)) return undefined
  return 'holds no route file; each .js, .mjs or .cjs file below it is registered as a Fastify plugin'
}
