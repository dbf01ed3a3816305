import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { build } from '../../scripts/build-steps.js'

const require = createRequire(import.meta.url)

/** A repository with these files alone, built; returns the folder of the build. `npm run package` tests the whole build. */
async function built (t: Test, files: Record<string, string>): Promise<string> {
  const root = t.testdir({ src: {}, plugins: {}, routes: {} })
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  await build(root, { codeOnly: true })
  // Links are resolved in what a module knows of its place.
  return join(realpathSync(root), 'dist')
}

t.test('code becomes CommonJS that knows its own place, and still imports ESM', async t => {
  const dist = await built(t, {
    'src/place.ts': `import { createRequire } from 'node:module'
import type { Stats } from 'node:fs'
import { other } from './other.js'
export const own: unknown[] = [import.meta.dirname, import.meta.filename, createRequire(import.meta.filename)('./other.js'), other]
export const load = async (path: string): Promise<unknown> => import(path)
export type Unused = Stats
`,
    'src/other.ts': 'export const other = 7\n',
    'src/esm.mts': 'export const waited = await Promise.resolve(1)\n'
  })
  const { own, load } = require(join(dist, 'src/place.js')) as { own: unknown[], load: (path: string) => Promise<unknown> }
  t.same(own, [join(dist, 'src'), join(dist, 'src/place.js'), { other: 7 }, 7])
  t.match(await load(pathToFileURL(join(dist, 'src/esm.mjs')).href), { waited: 1 })
  t.notMatch(readFileSync(join(dist, 'src/place.js'), 'utf8'), /createRequire\(|node:fs/)
  t.ok(Object.getOwnPropertyDescriptor(require(join(dist, 'src/other.js')), 'other')?.writable, 'an export is a property, not a getter')
})

t.test('route files of every kind can be imported, with what lies beside them', async t => {
  const dist = await built(t, {
    'plugins/shared.ts': 'export const shared = { word: \'shared\' }\n',
    'routes/typed.ts': `import { readFileSync } from 'node:fs'
import { shared } from '../plugins/shared.js'
const text: string = await Promise.resolve(readFileSync(new URL('./deep/page.txt', import.meta.url), 'utf8'))
export default [shared, text]
`,
    'routes/plain.js': 'import { shared } from \'../plugins/shared.js\'\nexport default [shared, import.meta.url.slice(-8)]\n',
    'routes/module.mts': 'import { shared } from \'../plugins/shared.js\'\nconst one: number = 1\nexport default [shared, one]\n',
    'routes/typed-common.cts': 'import { shared } from \'../plugins/shared.js\'\nconst two: number = 2\nexport = [shared, two]\n',
    'routes/common.cjs': 'module.exports = [require(\'../plugins/shared.js\').shared, 3]\n',
    'routes/deep/page.txt': 'text',
    'routes/declared.d.ts': 'export {}\n'
  })
  const { shared } = require(join(dist, 'plugins/shared.js')) as { shared: object }
  const found: Record<string, unknown> = {
    'typed.js': 'text', 'plain.js': 'plain.js', 'module.mjs': 1, 'typed-common.cjs': 2, 'common.cjs': 3
  }
  for (const [name, value] of Object.entries(found)) {
    const { default: [first, second] } = await import(pathToFileURL(join(dist, 'routes', name)).href) as { default: unknown[] }
    t.equal(first, shared, `${name} has the one instance`)
    t.equal(second, value, name)
  }
  t.notOk(existsSync(join(dist, 'routes/declared.d.ts')))
})

t.test('a build begins with an empty folder', async t => {
  const dist = await built(t, { 'dist/routes/gone.js': 'export default 1\n', 'routes/here.ts': 'export default 1\n' })
  t.notOk(existsSync(join(dist, 'routes/gone.js')))
  t.ok(existsSync(join(dist, 'routes/here.js')))
})

t.test('what cannot be built is refused, with its place', async t => {
  await t.rejects(built(t, { 'src/a.ts': 'export const here = import.meta.url\n' }), {
    name: 'BuildError', message: /^\S+\/src\/a\.ts: of import\.meta, only dirname and filename have a counterpart in CommonJS$/
  })
  await t.rejects(built(t, { 'routes/b.ts': 'export const a: = 1\n' }), {
    name: 'BuildError', message: /^\S+\/routes\/b\.ts\(1,17\): error TS1110: Type expected\.$/
  })
})
