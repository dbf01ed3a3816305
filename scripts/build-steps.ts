import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readPageFiles } from '../src/admin/page-files.js'
import { BuildError, compileToCommonJs, compileToEsm } from './compile.js'
import { declarationsOf } from './declarations.js'
import type { ExportedNames } from './declarations.js'

export { BuildError }

const COMPILED = /\.[cm]?[jt]s$/
const DECLARATION = /\.d\.[cm]?ts$/

/**
 * Makes `dist/` of a repository, or another folder: `src/` and `plugins/` as CommonJS, `routes/` as ESM, so that a route file may be anything
 * that Node can import. With the declarations that users need, and the ESM wrapper, unless `codeOnly`. Throws BuildError for a syntax error.
 */
export async function build (root: string, { codeOnly = false, dist = join(root, 'dist') } = {}): Promise<void> {
  rmSync(dist, { recursive: true, force: true })
  for (const folder of ['src', 'plugins']) {
    compileFolder({ root, dist }, folder, compileToCommonJs)
    write(join(dist, folder, 'package.json'), '{ "type": "commonjs" }\n')
  }
  compileFolder({ root, dist }, 'routes', compileToEsm)
  write(join(dist, 'src', 'admin', 'page-files.js'), pageModule(await readPageFiles()))
  // npm makes it executable where it installs the package; in a clone, npx runs the file as it is.
  const command = join(dist, 'src', 'cli', 'main.js')
  if (existsSync(command)) chmodSync(command, 0o755)
  if (codeOnly) return
  const { files, names } = declarationsOf(root, 'src/index.ts')
  for (const [path, text] of files) write(join(dist, path), text)
  write(join(dist, 'src', 'index.mjs'), esmWrapper(names))
  write(join(dist, 'src', 'index.d.mts'), ESM_DECLARATIONS)
}

/** What is not code is copied: a route may read a file beside it. */
function compileFolder ({ root, dist }: { root: string, dist: string }, folder: string, compile: typeof compileToEsm): void {
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || DECLARATION.test(entry.name)) continue
    const target = join(dist, path.slice(root.length))
    if (COMPILED.test(entry.name)) write(target.replace(/ts$/, 'js'), compile(path, readFileSync(path, 'utf8')))
    else cpSync(path, target)
  }
}

// The names are written out: `export *` would take names from a CommonJS module that are none of its exports.
function esmWrapper ({ values }: ExportedNames): string {
  const names = [...values, 'proxy as default'].map(name => `  ${name}`).join(',\n')
  return `// Re-exports the CommonJS build: there is one instance of the code however it is loaded.\nexport {\n${names}\n} from './index.js'\n`
}

/** The declarations of the ESM wrapper. */
export const ESM_DECLARATIONS = 'export * from \'./index.js\'\nexport { proxy as default } from \'./index.js\'\n'

/** In place of the module that reads the page's files: with their texts, so that a bundle of an app has them too. */
function pageModule (files: ReadonlyMap<string, Buffer>): string {
  const texts = Object.fromEntries([...files].map(([name, content]) => [name, content.toString()]))
  return `"use strict"
// Made by the build from dashboard/ and uPlot (MIT, https://github.com/leeoniya/uPlot).
Object.defineProperty(exports, "__esModule", { value: true })
exports.readPageFiles = readPageFiles
const TEXTS = ${JSON.stringify(texts, undefined, 2)}
async function readPageFiles () {
  return new Map(Object.entries(TEXTS).map(([name, text]) => [name, Buffer.from(text)]))
}
`
}

function write (path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
