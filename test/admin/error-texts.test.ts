import { readFileSync } from 'node:fs'
import t from 'tap'
import { errorsAsMarkdown } from '../../src/admin/error-texts.js'
import { ERRORS } from '../../src/errors.js'

t.test('docs/errors.md is what the table says; npm run made makes it so', async t => {
  t.equal(readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8'), errorsAsMarkdown())
})

t.test('every remedy is sentences that fit into a table', async t => {
  for (const [code, { remedy }] of Object.entries(ERRORS)) t.match(remedy, /^[A-Z][^|\n]*\.$/, code)
})
