import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { GROUPS, TABLE } from '../../src/options/table.js'
import { VARIABLES } from '../../src/service/variables.js'
import { REPOSITORY } from '../../testing/program.js'

const BY_OPTION = new Map(TABLE.flatMap(({ path, variable }) => variable === undefined ? [] : [[path, variable] as const]))
const text = readFileSync(join(REPOSITORY, 'docs/migrating.md'), 'utf8')

/** The rows of the tables with a column of variables: what stands in code in the column of Holdfast, and the variables. */
const rows = text.split('\n').filter(line => /^\|(?:[^|]+\|){2}[^|]*\|[^|]*\|$/.test(line)).map(line => {
  const [, , options, variables] = line.split('|')
  return {
    line,
    options: [...options!.matchAll(/`([\w.]+)(?::[^`]*)?`/g)].map(([, path]) => path!),
    variables: [...variables!.matchAll(/`([A-Z_]+)(?:=[^`]*)?`/g)].map(([, name]) => name!)
  }
})

t.test('every variable that migrating.md names is one', async t => {
  const named = new Set(rows.flatMap(({ variables }) => variables))
  t.ok(named.size > 10, `${named.size} variables`)
  for (const name of named) t.ok(Object.hasOwn(VARIABLES, name), name)
})

t.test('where an option of migrating.md has a variable, its row names it', async t => {
  for (const { line, options, variables } of rows) {
    for (const option of options) {
      const variable = BY_OPTION.get(option)
      if (variable !== undefined) t.ok(variables.includes(variable), `${variable} in ${line.slice(0, 60)}`)
    }
  }
})

t.test('every option of a group that migrating.md names is one', async t => {
  const groups = GROUPS.map(({ path }) => path).filter(path => path !== '')
  const paths = new Set([...groups, ...TABLE.map(({ path }) => path)])
  const named = new Set([...text.matchAll(/`([a-zA-Z]+(?:\.[a-zA-Z]+)+)(?:: [^`]*)?`/g)].map(([, path]) => path!))
  const ofGroups = [...named].filter(path => groups.includes(path.slice(0, path.indexOf('.'))))
  t.ok(ofGroups.length > 30, `${ofGroups.length} options`)
  for (const path of ofGroups) t.ok(paths.has(path), path)
})
