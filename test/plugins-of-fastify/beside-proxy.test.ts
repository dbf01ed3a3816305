import { readFileSync } from 'node:fs'
import t from 'tap'
import { COMMON, differences, rowOf, startRecorder, tried } from './beside.js'
import type { Cell } from './beside.js'
import { PLUGINS } from './plugins.js'

// Without the variable, one cell a plugin: a proxy at `/`, registered before it.
const whole = process.env['HOLDFAST_PLUGINS'] === '1'
const CELLS: readonly Cell[] = whole
  ? [{ prefix: '/', order: 'before' }, { prefix: '/', order: 'after' }, { prefix: '/api', order: 'before' }, { prefix: '/api', order: 'after' }]
  : [{ prefix: '/', order: 'before' }]

const rows = new Set([...readFileSync('docs/migrating.md', 'utf8').matchAll(/^\| `([\w-]+)` \|/gm)].map(([, id]) => id))

for (const row of PLUGINS) {
  for (const cell of CELLS) {
    t.test(`@fastify/${row.plugin} registered ${cell.order} a proxy at ${cell.prefix} behaves as beside @fastify/http-proxy`, async t => {
      const backend = await startRecorder(t)
      const ours = await tried(t, 'holdfast', row, cell, backend)
      const stock = await tried(t, 'http-proxy', row, cell, backend)
      for (const [name, outcome] of ours.outcomes) {
        const unexplained = differences(outcome, stock.outcomes.get(name)!).filter(difference => !rows.has(rowOf(difference, name, row.differs)))
        t.strictSame(unexplained, [], name, { ours: outcome, stock: stock.outcomes.get(name) })
        if (row.differs?.[`${name}: *`] === undefined) continue
        const { body } = [...COMMON, ...row.asks ?? []].find(asked => asked.name === name)!
        t.match(outcome, row.expects?.(cell)[name] ?? { status: 200, backend: { body: Buffer.from(body ?? '').toString('latin1') } }, `${name} passes as it should`)
      }
      if (row.also === undefined) return
      if (row.differs?.['also'] !== undefined) t.ok(rows.has(row.differs['also']), 'what the plugin tells differs by a row of docs/migrating.md')
      t.strictSame(ours.also, row.tells === undefined ? stock.also : row.tells(cell), 'and what the plugin tells')
    })
  }
}
