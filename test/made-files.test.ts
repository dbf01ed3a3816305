import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { MADE_FILES } from '../scripts/made-files.js'
import { REPOSITORY } from '../testing/program.js'

for (const { path, text } of MADE_FILES) {
  t.test(`${path} is what \`npm run made\` writes`, async t => {
    t.equal(readFileSync(join(REPOSITORY, path), 'utf8'), text())
  })
}
