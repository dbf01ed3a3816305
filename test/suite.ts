import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import t from 'tap'

// The suite: a process for each file, compiled at once into a copy of the repository. A single file (`npx tap test/layout.test.ts`)
// runs from source, by tsx. Compiling in each process by tsx, and tap's bookkeeping of loaded modules, would take more than half of the
// time of most files, and more in the processes that they start.

const ROOT = join(import.meta.dirname, '..')
const COMPILED = ['src', 'plugins', 'routes', 'scripts', 'testing', 'test', 'bench', 'examples']
// As in the package. Each process loads some 250 of these modules: as ESM, that takes half as long again.
const AS_COMMONJS = ['src', 'plugins']
const COPIES = '.test-copies'
const JOBS = 5
// For all files together, in ms. Each file also has the timeout of .taprc.
const TIMEOUT = 600_000
// Copies that are older come from runs that were killed; in ms.
const STALE = 3_600_000

// Each of these takes several seconds of CPU, for compilers or for many processes. `.ci/run` runs them.
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
const SLOW = scripts['test:slow']!.split(' ')

t.setTimeout(TIMEOUT)
// tap would apply them to the names of the files, and run none.
if (process.env['TAP_GREP'] !== undefined || process.env['TAP_ONLY'] === '1') t.bailout('--grep and --only are for one file: npx tap test/layout.test.ts')
const copy = makeCopy()
process.once('exit', () => rmSync(copy, { recursive: true, force: true }))
await compileTo(copy)

t.jobs = JOBS
for (const file of modulesIn('test').filter(name => name.endsWith('.test.ts') && !SLOW.includes(name))) {
  // tap puts its loader into NODE_OPTIONS, which every process would inherit.
  const node = ['-u', 'NODE_OPTIONS', process.execPath, '--enable-source-maps', file.replace(/\.ts$/, '.js')]
  t.spawn('env', node, { name: file, cwd: copy, buffered: true })
}

/** Makes a folder for this run below the repository, with links to everything but the sources. */
function makeCopy (): string {
  mkdirSync(join(ROOT, COPIES), { recursive: true })
  for (const name of readdirSync(join(ROOT, COPIES))) {
    const old = join(ROOT, COPIES, name)
    if (statSync(old).mtimeMs < Date.now() - STALE) rmSync(old, { recursive: true, force: true })
  }
  const copy = mkdtempSync(join(ROOT, COPIES, 'run-'))
  const notLinked = [...COMPILED, COPIES, '.git', 'dist', 'package.json']
  for (const name of readdirSync(ROOT)) if (!notLinked.includes(name)) symlinkSync(join(ROOT, name), join(copy, name))
  // Imports of the package by its name get the compiled files.
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as object
  writeFileSync(join(copy, 'package.json'), JSON.stringify({ ...manifest, exports: './src/index.js' }, null, 2))
  for (const name of COMPILED) cpSync(join(ROOT, name), join(copy, name), { recursive: true, filter: path => !/\.ts$|\/node_modules$/.test(path) })
  return copy
}

async function compileTo (outdir: string): Promise<void> {
  const options = { absWorkingDir: ROOT, outdir, outbase: '.', target: 'node20', sourcemap: 'linked' } as const
  const others = COMPILED.filter(name => !AS_COMMONJS.includes(name))
  await Promise.all([
    build({ ...options, format: 'esm', entryPoints: others.flatMap(modulesIn) }),
    build({
      ...options,
      format: 'cjs',
      // Otherwise the exports have no names for Node.
      platform: 'node',
      entryPoints: AS_COMMONJS.flatMap(modulesIn),
      define: { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' }
    })
  ])
  for (const name of AS_COMMONJS) writeFileSync(join(outdir, name, 'package.json'), '{ "type": "commonjs" }')
}

/** Modules of a folder, as sorted paths from the root. */
function modulesIn (folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
  return names.filter(name => name.endsWith('.ts') && !name.includes('node_modules')).map(name => join(folder, name)).sort()
}
