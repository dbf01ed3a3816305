import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { REPOSITORY } from '../../testing/program.js'

const MOST_WORDS = 1_500
const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8')

t.test('README.md is short: wc -w counts no more than 1 500 words', async t => {
  const words = readme.split(/\s+/).filter(word => word !== '').length
  t.ok(words <= MOST_WORDS, `${words} words`)
})

t.test('README.md has the place of the options table', async t => {
  t.match(readme, /^<!-- options -->\n(?:[^]*\n)?<!-- \/options -->$/m)
})
