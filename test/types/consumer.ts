import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import ts from 'typescript'
import { ESM_DECLARATIONS } from '../../scripts/build-steps.js'
import { declarationsOf } from '../../scripts/declarations.js'
import { REPOSITORY } from '../../testing/program.js'

interface Manifest { readonly name: string, readonly version: string, readonly dependencies?: Record<string, string>, readonly peerDependencies?: Record<string, string> }

/**
 * Makes a folder for an app, as npm lays it out: below node_modules the package's declarations, and its dependencies and peers with theirs.
 * The folder lies outside of the repository, since TypeScript would find the packages for development above it.
 */
export function appFolderFor (t: Pick<Test, 'teardown'>, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-app-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const manifest = manifestOf(REPOSITORY)
  const installed = join(folder, 'node_modules')
  for (const [path, text] of declarations()) {
    const to = join(installed, manifest.name, 'dist', path)
    mkdirSync(dirname(to), { recursive: true })
    writeFileSync(to, text)
  }
  writeFileSync(join(installed, manifest.name, 'package.json'), readFileSync(join(REPOSITORY, 'package.json')))
  const linked = new Set<string>()
  const link = (name: string): void => {
    if (linked.has(name)) return
    linked.add(name)
    const from = join(REPOSITORY, 'node_modules', name)
    mkdirSync(dirname(join(installed, name)), { recursive: true })
    symlinkSync(from, join(installed, name))
    for (const dependency of Object.keys(manifestOf(from).dependencies ?? {})) if (isThere(dependency)) link(dependency)
  }
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, '@types/node': '' })) link(name)
  return folder
}

/** What TypeScript has to say of an app, as texts. */
export function complaintsOf (folder: string, files: readonly string[], options: ts.CompilerOptions): string[] {
  const program = ts.createProgram(files.map(name => join(folder, name)), {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    noEmit: true,
    // Else a link leads into the repository, where each package is found.
    preserveSymlinks: true,
    ...options
  })
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`)
}

/** As `npm run build` makes them. */
function declarations (): [string, string][] {
  const { files } = declarationsOf(REPOSITORY, 'src/index.ts')
  const kinds = ['src', 'plugins'].map((folder): [string, string] => [`${folder}/package.json`, '{ "type": "commonjs" }'])
  return [...files, ...kinds, ['src/index.d.mts', ESM_DECLARATIONS]]
}

function manifestOf (folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

function isThere (name: string): boolean {
  return ts.sys.directoryExists(join(REPOSITORY, 'node_modules', name))
}
