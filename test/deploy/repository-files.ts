import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { REPOSITORY } from '../../testing/program.js'

/** A file of the repository, as text. */
export function textOf (path: string): string {
  return readFileSync(join(REPOSITORY, path), 'utf8')
}

/** A file of the repository that holds one YAML document. A duplicate key, and whatever else YAML refuses, throws. */
export function yamlOf<T> (path: string): T {
  return parse(textOf(path)) as T
}

/** Paths of all YAML files below a folder of the repository. */
export function yamlFilesIn (folder: string): string[] {
  const names = readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' })
  return names.filter(name => /\.ya?ml$/.test(name)).map(name => join(folder, name)).sort()
}
