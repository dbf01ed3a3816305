// What src/quirks/uplot.ts relies on of uPlot, asked of it alone.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import t from 'tap'

const { resolve } = createRequire(import.meta.url)

t.test('its module is a file that needs no other, and has one default export', async t => {
  const text = readFileSync(resolve('uplot/dist/uPlot.esm.js'), 'utf8')
  t.notMatch(text, /^\s*import\b/m)
  t.match(text, /^export \{ uPlot as default \};$/m)
})

t.test('its style is a file that needs no other', async t => {
  t.match(readFileSync(resolve('uplot/dist/uPlot.min.css'), 'utf8'), /^\.uplot/)
  t.notMatch(readFileSync(resolve('uplot/dist/uPlot.min.css'), 'utf8'), /@import|url\(/)
})
