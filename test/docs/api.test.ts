import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { REPOSITORY } from '../../testing/program.js'

t.test('docs/api.md names everything that the package exports', async t => {
  const index = readFileSync(join(REPOSITORY, 'src/index.ts'), 'utf8')
  const written = [...index.matchAll(/export (?:type )?\{([^}]+)\}/g)].flatMap(([, list]) => list!.split(','))
  const names = written.map(name => name.trim().replace(/ as default$|^\w+ as (?!default$)/, ''))
  const page = readFileSync(join(REPOSITORY, 'docs/api.md'), 'utf8')
  t.ok(names.length > 20, `${names.length} names`)
  for (const name of new Set(names)) t.match(page, new RegExp(`\`${name}\\b`), name)
})
