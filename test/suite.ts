import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import t from 'tap'

// The whole suite, a process a file, compiled at once into a copy of the repository. A file alone (`npx tap test/layout.test.ts`) is run
// from source, by tsx. What that does in each process to compile it, and what tap does there to know what it loads, is more than half of
// the time of most files, and there is more of it in the processes that they start: so neither is done here.

const ROOT = join(import.meta.dirname, '..')
const COMPILED = ['src', 'plugins', 'routes', 'scripts', 'testing', 'test', 'bench', 'examples']
const COPIES = '.test-copies'
const JOBS = 3
// Of all files, in ms; each has the time of .taprc besides.
const TIMEOUT = 600_000
// A run that was killed leaves its copy, in ms.
const STALE = 3_600_000

t.setTimeout(TIMEOUT)
// They would be held against the names of files, and leave none.
if (process.env['TAP_GREP'] !== undefined || process.env['TAP_ONLY'] === '1') t.bailout('--grep and --only are for one file: npx tap test/layout.test.ts')
const copy = makeCopy()
process.once('exit', () => rmSync(copy, { recursive: true, force: true }))
await compileTo(copy)

t.jobs = JOBS
for (const file of modulesIn('test').filter(name => name.endsWith('.test.ts'))) {
  // tap puts its loader into NODE_OPTIONS, and from there it comes into every process.
  const node = ['-u', 'NODE_OPTIONS', process.execPath, '--enable-source-maps', file.replace(/\.ts$/, '.js')]
  t.spawn('env', node, { name: file, cwd: copy, buffered: true })
}

/** A folder below the repository, one a run, in which all is as there, but for the sources. */
function makeCopy (): string {
  mkdirSync(join(ROOT, COPIES), { recursive: true })
  for (const name of readdirSync(join(ROOT, COPIES))) {
    const old = join(ROOT, COPIES, name)
    if (statSync(old).mtimeMs < Date.now() - STALE) rmSync(old, { recursive: true, force: true })
  }
  const copy = mkdtempSync(join(ROOT, COPIES, 'run-'))
  const notLinked = [...COMPILED, COPIES, '.git', 'dist', 'package.json']
  for (const name of readdirSync(ROOT)) if (!notLinked.includes(name)) symlinkSync(join(ROOT, name), join(copy, name))
  // Who imports the package by its name gets what is compiled here.
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as object
  writeFileSync(join(copy, 'package.json'), JSON.stringify({ ...manifest, exports: './src/index.js' }, null, 2))
  for (const name of COMPILED) cpSync(join(ROOT, name), join(copy, name), { recursive: true, filter: path => !/\.ts$|\/node_modules$/.test(path) })
  return copy
}

async function compileTo (outdir: string): Promise<void> {
  await build({ absWorkingDir: ROOT, entryPoints: COMPILED.flatMap(modulesIn), outdir, outbase: '.', format: 'esm', target: 'node20', sourcemap: 'linked' })
}

/** As paths from the root, sorted. */
function modulesIn (folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
  return names.filter(name => name.endsWith('.ts') && !name.includes('node_modules')).map(name => join(folder, name)).sort()
}
