import { readFile, readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { UPLOT_FILES } from '../quirks/uplot.js'

const FOLDER = join(import.meta.dirname, '../../dashboard')
const PAGE_FILE = /^[\w-]+\.(?:html|js|css|svg)$/

/**
 * The files of the page, by name: those of `dashboard/`, and uPlot's. The build replaces this module by one that holds their texts, so that
 * neither a package nor a bundle of an app has to find them.
 */
export async function readPageFiles (): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (const name of await readdir(FOLDER)) {
    if (PAGE_FILE.test(name)) files.set(name, await readFile(join(FOLDER, name)))
  }
  const { resolve } = createRequire(import.meta.filename)
  for (const [name, path] of Object.entries(UPLOT_FILES)) files.set(name, await readFile(resolve(path)))
  return files
}
