import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import t from 'tap'
import { REPOSITORY } from '../testing/program.js'

const FOLDERS = ['src', 'plugins', 'routes']

// Each level may import its own and those before it.
const LEVELS = [
  ['src/errors.ts', 'src/options/', 'src/quirks/', 'src/http/'],
  ['src/wire/'],
  ['src/connection/'],
  ['src/target/'],
  ['src/probe/', 'src/check/', 'src/metrics/', 'src/admin/'],
  ['src/admit/', 'src/forward/'],
  ['src/gateway/'],
  ['plugins/'],
  ['src/service/', 'src/server.ts'],
  ['routes/'],
  ['src/index.ts'],
  ['src/cli/']
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
    return names.filter(name => name.endsWith('.ts')).map(name => {
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

function levelOf (name: string): number {
  return LEVELS.findIndex(places => places.some(place => place.endsWith('/') ? name.startsWith(place) : name === place))
}

const files = sourceFiles()

t.test('the reader of imports finds what there is to find', async t => {
  const text = 'import a from \'x\'\nimport {\n  b,\n  c\n} from "y"\nimport type { D } from \'./d.js\'\nexport { e } from \'./e.js\'\nimport \'f\'\nconst g = await import(\'g\')\n'
  t.same(importsOf({ name: 'a.ts', text }), ['x', 'y', './d.js', './e.js', 'f', 'g'])
  t.ok(files.length > 20, `${files.length} files`)
})

t.test('every file has a place in the layout', async t => {
  t.same(files.filter(({ name }) => levelOf(name) === -1).map(({ name }) => name), [])
})

t.test('imports point in one direction only', async t => {
  const names = new Set(files.map(({ name }) => name))
  const wrong: string[] = []
  let seen = 0
  for (const file of files) {
    for (const specifier of importsOf(file)) {
      if (!specifier.startsWith('.')) continue
      seen++
      const target = resolved(file, specifier)
      if (!names.has(target)) wrong.push(`${file.name} imports ${specifier}, which is not in ${FOLDERS.join(', ')}`)
      else if (levelOf(target) > levelOf(file.name)) wrong.push(`${file.name} imports ${target}`)
    }
  }
  t.same(wrong, [])
  t.ok(seen > 50, `${seen} imports were looked at`)
})

t.test('the pure files import nothing that acts', async t => {
  const pure = ['src/http/connection-signal.ts', 'src/http/headers.ts', 'src/target/persistence.ts', 'src/target/idle-limit.ts', 'src/target/retry.ts']
  for (const name of pure) {
    const file = files.find(file => file.name === name)
    if (file === undefined) {
      t.fail(`${name} is not there`)
      continue
    }
    t.notMatch(file.text, /^import (?!type )/m, `${name} imports types at most`)
  }
})

t.test('no client of undici speaks HTTP, and its parser has one file', async t => {
  const takesClient = /import (?!type\b)[^'"]*\b(?:Client|Pool|Agent|BalancedPool|H2CClient|buildConnector)\b[^'"]*from 'undici'/
  t.match("import { Client, errors } from 'undici'", takesClient)
  t.same(files.filter(({ text }) => takesClient.test(text)).map(({ name }) => name), [])
  const takesParser = files.filter(file => importsOf(file).some(specifier => specifier.startsWith('undici/')))
  t.same(takesParser.map(({ name }) => name), ['src/wire/http1/llhttp.ts'])
})

t.test('sockets, pools and targets look at no clock but the one that they are given', async t => {
  const clocks = files.filter(({ name, text }) => /^src\/(?:wire|connection|target)\//.test(name) && /\b(?:performance|Date)\.now\b/.test(text))
  t.same(clocks.map(({ name }) => name), ['src/connection/lookup.ts', 'src/target/registry.ts'], 'those that give one')
})

t.test('a file is named for its idea', async t => {
  const nameless = /^(?:utils?|helpers?|common|types?|misc|shared)$/
  t.same(files.filter(({ name }) => nameless.test(basename(name, '.ts'))).map(({ name }) => name), [])
})
