import t from 'tap'
import { findingsOf } from '../../src/check/findings.js'
import { reportOf } from '../../src/cli/check-report.js'
import { appOf, aroundOf } from '../check/subjects.js'
import type { Case } from '../check/subjects.js'

/** The report for people, as one line. */
function textOf (subject: Case): string {
  const app = appOf(subject)
  return reportOf([app], findingsOf(app, aroundOf(subject)), 0).replaceAll(/\s+/g, ' ')
}

t.test('a backend that does not compress for requests with Via is reported, persistent or not', async t => {
  for (const persistent of [true, false, null]) {
    const text = textOf({ targets: [{ measured: { persistent, viaStopsCompression: true } }] })
    t.match(text, /measured: [^:]*; compresses nothing for requests with Via warning/, `${persistent}`)
    t.match(text, 'warning via-stops-compression found via: true (/users); the backend compresses without Via and not with it')
  }
  t.notMatch(textOf({ targets: [{ measured: { viaStopsCompression: false } }] }), 'compress')
})

t.test('timeout=0 is explained as less than 1 s', async t => {
  t.match(textOf({ targets: [{ measured: { hint: { timeoutMs: 0, max: null } } }] }), 'says timeout=0, which is less than 1 s;')
})
