import { readFileSync } from 'node:fs'
import t from 'tap'
import { closeReasonsAsMarkdown, closeReasonsAsModule } from '../../src/admin/close-reason-texts.js'
import { CLOSE_REASONS, isIdleClose } from '../../src/connection/close-reason.js'
import type { CloseReason } from '../../src/connection/close-reason.js'

const REASONS = Object.keys(CLOSE_REASONS) as CloseReason[]

t.test('docs/close-reasons.md is what `npm run made` writes', async t => {
  t.equal(readFileSync(new URL('../../docs/close-reasons.md', import.meta.url), 'utf8'), closeReasonsAsMarkdown())
})

t.test('the page gets the same table', async t => {
  const module = await import(`data:text/javascript,${encodeURIComponent(closeReasonsAsModule())}`) as { CLOSE_REASONS: unknown }
  t.strictSame(module.CLOSE_REASONS, CLOSE_REASONS)
})

t.test('only a backend closes unannounced, and an idle close differs from a close under a request', async t => {
  for (const reason of REASONS) if (CLOSE_REASONS[reason].unannounced) t.equal(CLOSE_REASONS[reason].by, 'backend', reason)
  t.strictSame(REASONS.filter(reason => CLOSE_REASONS[reason].unannounced), ['backend_idle', 'backend_active'])
  t.strictSame(REASONS.filter(isIdleClose), ['backend_idle'])
})

t.test('a reason for idle connections only cuts off no response', async t => {
  for (const reason of REASONS) if (CLOSE_REASONS[reason].when === 'idle') t.notOk(CLOSE_REASONS[reason].cutsResponse, reason)
})

t.test('every meaning reads on after a colon, and fits into a table', async t => {
  for (const reason of REASONS) t.match(CLOSE_REASONS[reason].meaning, /^[a-z][^|\n]*[^.\s]$/, reason)
})

t.test('the page has a pattern of its own for each reason of a side', async t => {
  // The page's module of colours asks the browser for its theme.
  Reflect.set(globalThis, 'matchMedia', () => ({ addEventListener () {} }))
  t.teardown(() => Reflect.deleteProperty(globalThis, 'matchMedia'))
  const { PATTERNS } = await import(new URL('../../dashboard/pattern.js', import.meta.url).href) as { PATTERNS: number }
  for (const by of new Set(REASONS.map(reason => CLOSE_REASONS[reason].by))) {
    const count = REASONS.filter(reason => CLOSE_REASONS[reason].by === by).length
    t.ok(count <= PATTERNS, `${by}: ${count} reasons, ${PATTERNS} patterns`)
  }
})
