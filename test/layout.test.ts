import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import t from 'tap'
import { REPOSITORY } from '../testing/program.js'

const FOLDERS = ['src', 'plugins', 'routes', 'scripts', 'testing', 'bench', 'test', 'examples']
const SHIPPED = /^(?:src|plugins|routes)\//
// Tests import each other's parts freely, as test/matrix does.
const WITHOUT_CIRCLES = /^(?:src|plugins|routes|scripts|testing|bench)\//

/** A row of the table of rooms in CONTRIBUTING.md: files of a room import their own level and lower ones. */
interface Room { readonly level: number, readonly place: string }

const ROOMS: readonly Room[] = [...readFileSync(join(REPOSITORY, 'CONTRIBUTING.md'), 'utf8').matchAll(/^\| (\d+) \| `([^`]+)` \|/gm)]
  .map(([, level, place]) => ({ level: Number(level), place: place! }))

const PURE_POLICIES = [
  'affinity', 'answers', 'balance', 'bounded-hash', 'checks', 'choice-set', 'cookie', 'ejection', 'endpoint-snapshot', 'endpoint-state', 'evidence',
  'health', 'least-requests', 'leaving-evidence', 'refusal', 'retry-after', 'retry-budget', 'retry-elsewhere', 'roster', 'round-robin',
  'seeded-random', 'slow-start', 'weighted-draw'
]

interface SourceFile { readonly name: string, readonly text: string }

function sourceFiles (): SourceFile[] {
  return FOLDERS.flatMap(folder => {
    let names: string[]
    try {
      names = readdirSync(join(REPOSITORY, folder), { recursive: true }).map(String)
    } catch {
      return []
    }
    return names.filter(name => name.endsWith('.ts') && !name.includes('node_modules')).map(name => {
      const path = join(REPOSITORY, folder, name)
      return { name: relative(REPOSITORY, path).replaceAll('\\', '/'), text: readFileSync(path, 'utf8') }
    })
  })
}

/** Module specifiers of every import and re-export, static and dynamic. */
function importsOf ({ text }: SourceFile): string[] {
  const found = text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^'"\n;]*(?:\{[^}]*\})?[^'"\n;]*from\s*['"]([^'"]+)['"]|(?:^|\n)import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)
  return [...found].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '')
}

/** What a relative import means, as a path from the root. */
function resolved (file: SourceFile, specifier: string): string {
  return join(dirname(file.name), specifier).replaceAll('\\', '/').replace(/\.js$/, '.ts')
}

/** -1 for a file that is in no room. */
function levelOf (name: string): number {
  return ROOMS.find(({ place }) => place.endsWith('/') ? name.startsWith(place) : name === place)?.level ?? -1
}

/** Files of the repository that a file imports, types included. */
function importedBy (file: SourceFile): string[] {
  return importsOf(file).filter(specifier => specifier.startsWith('.')).map(specifier => resolved(file, specifier))
}

/** Circles of imports: each is a path from a file back to itself, or to one that it met on its way. */
function circlesIn (imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (name: string): void => {
    if (path.includes(name)) circles.push([...path.slice(path.indexOf(name)), name])
    if (done.has(name)) return
    done.add(name)
    path.push(name)
    for (const next of imports.get(name) ?? []) visit(next)
    path.pop()
  }
  for (const name of imports.keys()) visit(name)
  return circles
}

/** A text without its comments. */
function codeOf (text: string): string {
  return text.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '')
}

const files = sourceFiles()
const shipped = files.filter(({ name }) => SHIPPED.test(name))

t.test('the reader of imports finds every kind of import', async t => {
  const text = 'import a from \'x\'\nimport {\n  b,\n  c\n} from "y"\nimport type { D } from \'./d.js\'\nexport { e } from \'./e.js\'\nimport \'f\'\nconst g = await import(\'g\')\n'
  t.same(importsOf({ name: 'a.ts', text }), ['x', 'y', './d.js', './e.js', 'f', 'g'])
  t.ok(files.length > 20, `${files.length} files`)
})

t.test('CONTRIBUTING.md names a room for every file, and no room that does not exist', async t => {
  t.same(files.filter(({ name }) => levelOf(name) === -1).map(({ name }) => name), [])
  t.same(ROOMS.filter(({ place }) => !existsSync(join(REPOSITORY, place))), [])
  t.ok(ROOMS.length > 20, `${ROOMS.length} rooms`)
})

t.test('imports point in one direction only', async t => {
  const names = new Set(files.map(({ name }) => name))
  const wrong: string[] = []
  let seen = 0
  for (const file of files) {
    for (const target of importedBy(file)) {
      seen++
      if (!names.has(target)) {
        // Tests write modules into folders of their own, and import them from there.
        if (SHIPPED.test(file.name)) wrong.push(`${file.name} imports ${target}, which is not in ${FOLDERS.join(', ')}`)
      } else if (levelOf(target) > levelOf(file.name)) wrong.push(`${file.name} imports ${target}`)
    }
  }
  t.same(wrong, [])
  t.ok(seen > 50, `${seen} imports were looked at`)
})

t.test('no files import each other in a circle', async t => {
  t.same(circlesIn(new Map([['a', ['b']], ['b', ['c', 'd']], ['c', ['b']], ['d', []]])), [['b', 'c', 'b']], 'a circle is found')
  const judged = files.filter(({ name }) => WITHOUT_CIRCLES.test(name))
  t.same(circlesIn(new Map(judged.map(file => [file.name, importedBy(file)]))), [])
})

t.test('the pure files import types, and each other', async t => {
  // Left out of src/endpoint: those that seal and hash with node:crypto, and those that hold sockets.
  const pure = new Set([
    'src/http/connection-signal.ts', 'src/http/headers.ts',
    ...['persistence', 'idle-limit'].map(name => `src/target/${name}.ts`),
    ...['hold', 'pace', 'reports', 'search-list', 'srv-weights', 'kubernetes/step', 'kubernetes/json-lines'].map(name => `src/discovery/${name}.ts`),
    ...PURE_POLICIES.map(name => `src/endpoint/${name}.ts`)
  ])
  for (const name of pure) {
    const file = files.find(file => file.name === name)
    if (file === undefined) {
      t.fail(`${name} is not there`)
      continue
    }
    const values = importsOf({ name, text: file.text.replace(/^import type [^;]*? from '[^']+'$/gm, '') })
    const impure = values.filter(specifier => !specifier.startsWith('.') || !pure.has(resolved(file, specifier)))
    t.same(impure, [], `${name} imports values of pure files at most`)
  }
})

t.test('undici\'s clients are not used, and one file uses its parser', async t => {
  const takesClient = /import (?!type\b)[^'"]*\b(?:Client|Pool|Agent|BalancedPool|H2CClient|buildConnector)\b[^'"]*from 'undici'/
  t.match("import { Client, errors } from 'undici'", takesClient)
  t.same(shipped.filter(({ text }) => takesClient.test(text)).map(({ name }) => name), [])
  const takesParser = shipped.filter(file => importsOf(file).some(specifier => specifier.startsWith('undici/')))
  t.same(takesParser.map(({ name }) => name), ['src/wire/http1/llhttp.ts'])
})

t.test('only quirks and the wire cast twice', async t => {
  const twice = /\bas unknown as\b|\bas never\b(?!')/
  t.match('(a as unknown as B)', twice)
  const mayCast = /^src\/(?:quirks|wire)\//
  t.same(shipped.filter(({ name, text }) => !mayCast.test(name) && twice.test(codeOf(text))).map(({ name }) => name), [])
})

t.test('quirks import the table of errors, and each other, and nothing else of the code', async t => {
  const quirks = shipped.filter(({ name }) => name.startsWith('src/quirks/'))
  const others = quirks.flatMap(importedBy).filter(target => target !== 'src/errors.ts' && !target.startsWith('src/quirks/'))
  t.same(others, [])
  t.ok(quirks.length > 10, `${quirks.length} files`)
})

t.test('each quirk, and what the wire relies on, is asked of its dependency in a test of the same name', async t => {
  const names = new Set(files.map(({ name }) => name))
  const wanted = shipped.filter(({ name }) => name.startsWith('src/quirks/')).map(({ name }) => basename(name, '.ts'))
  const missing = [...wanted, 'llhttp', 'sockets'].filter(name => !names.has(`test/assumptions/${name}.test.ts`))
  t.same(missing, [])
})

t.test('a dependency that quirks rely on is pinned to its minor version, peers excepted', async t => {
  interface Manifest { readonly [kind: string]: Record<string, string> }
  const { dependencies, devDependencies, peerDependencies = {} } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as Manifest
  const reliedOn = ['undici', 'uplot', '@fastify/reply-from', ...shipped.filter(({ name }) => name.startsWith('src/quirks/')).flatMap(importsOf)]
  const packages = new Set(reliedOn.filter(name => !/^(?:\.|node:)/.test(name) && name !== 'fastify-plugin' && !(name in peerDependencies)))
  // The build copies uPlot's files into the package, so uPlot is a dependency of the build alone.
  const versions: Record<string, string> = { ...dependencies, uplot: devDependencies?.['uplot'] ?? '' }
  t.same([...packages].filter(name => !/^~\d+\.\d+\.\d+$/.test(versions[name] ?? '')), [])
  t.ok(packages.size > 5, [...packages].join(', '))
})

t.test('sockets, pools, endpoints and targets use only the clock that they are given', async t => {
  const judged = /^src\/(?:discovery|wire|connection|endpoint|target)\//
  const clocks = shipped.filter(({ name, text }) => judged.test(name) && /\b(?:performance|Date)\.now\b/.test(codeOf(text))).map(({ name }) => name)
  t.same(clocks.sort(), ['src/connection/lookup.ts', 'src/discovery/timing.ts', 'src/target/registry.ts'], 'those that give one')
})

t.test('a file is named for its idea', async t => {
  const nameless = /^(?:utils?|helpers?|common|types?|misc|shared)$/
  t.same(files.filter(({ name }) => nameless.test(basename(name, '.ts'))).map(({ name }) => name), [])
})

t.test('a default import means the same to TypeScript\'s CommonJS as to Node\'s ESM', async t => {
  const require = createRequire(import.meta.url)
  const imports = shipped.flatMap(({ text }) => [...text.matchAll(/^import (?!type\b)\w+(?:, \{[^}]*\})? from '([^']+)'/gm)])
  const byDefault = imports.map(([, name]) => name!)
  const names = [...new Set(byDefault)].filter(name => !name.startsWith('node:'))
  t.same(names.filter(name => name.startsWith('.')), [], 'no file of the code has a default export that is imported')
  t.same(names.filter(name => (require(name) as { __esModule?: boolean }).__esModule === true), [])
  t.ok(names.length > 5, names.join(', '))
})
