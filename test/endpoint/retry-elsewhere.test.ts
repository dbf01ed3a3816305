import t from 'tap'
import { MOST_DIALLED, afterFailedDial, decideElsewhere } from '../../src/endpoint/retry-elsewhere.js'
import type { ElsewhereEvidence } from '../../src/endpoint/retry-elsewhere.js'

/** A GET that was lost on a reused connection before any byte of an answer. */
const STALE: ElsewhereEvidence = {
  lost: true, reused: true, writeBegun: true, responseStarted: false, unusedTimeout: false,
  clientGone: false, idempotent: true, replayable: true, retried: false, another: true, bound: false, affordable: true
}
const FRESH: ElsewhereEvidence = { ...STALE, reused: false }
const UNWRITTEN: ElsewhereEvidence = { ...STALE, writeBegun: false, idempotent: false, replayable: false }
const UNUSED_TIMEOUT: ElsewhereEvidence = { ...STALE, lost: false, responseStarted: true, unusedTimeout: true }

const TABLE: [title: string, evidence: ElsewhereEvidence, decision: string | undefined][] = [
  ['reused, no response byte, idempotent, replayable', STALE, 'stale elsewhere'],
  ['the same, and no other endpoint', { ...STALE, another: false }, 'stale here'],
  ['the same, and bound', { ...STALE, bound: true }, 'stale here'],
  ['the same, and no budget', { ...STALE, affordable: false }, undefined],
  ['reused, nothing written, whatever the method, the body and the budget', { ...UNWRITTEN, affordable: false }, 'unwritten elsewhere'],
  ['reused, nothing written, and no other endpoint', { ...UNWRITTEN, another: false }, 'unwritten here'],
  ['a 408 to an unused connection', UNUSED_TIMEOUT, 'unused_timeout elsewhere'],
  ['fresh, no response byte, idempotent, replayable', FRESH, 'fresh elsewhere'],
  ['the same, and no other endpoint', { ...FRESH, another: false }, undefined],
  ['the same, and bound: the endpoint is at fault', { ...FRESH, bound: true }, 'fresh elsewhere'],
  ['the same, and no budget', { ...FRESH, affordable: false }, undefined],
  ['fresh, nothing written, whatever the method', { ...UNWRITTEN, reused: false }, 'unwritten elsewhere'],
  ['fresh, nothing written, and no other endpoint', { ...UNWRITTEN, reused: false, another: false }, undefined],
  ['fresh, a byte of a response', { ...FRESH, responseStarted: true }, undefined],
  ['fresh, not idempotent', { ...FRESH, idempotent: false }, undefined],
  ['fresh, a body that is gone', { ...FRESH, replayable: false }, undefined],
  ['fresh, a timeout', { ...FRESH, lost: false }, undefined]
]

t.test('each row of the table is decided as it says', async t => {
  for (const [title, evidence, decision] of TABLE) {
    const decided = decideElsewhere(evidence)
    t.equal(decided && `${decided.kind} ${decided.place}`, decision, title)
  }
})

t.test('a request is retried at most once, and not after its client has left', async t => {
  for (const [title, evidence] of TABLE) {
    t.equal(decideElsewhere({ ...evidence, retried: true }), undefined, title)
    t.equal(decideElsewhere({ ...evidence, clientGone: true }), undefined, title)
  }
})

/** All combinations of evidence. */
function * combinations (): Generator<ElsewhereEvidence> {
  const names = Object.keys(STALE)
  for (let bits = 0; bits < 2 ** names.length; bits++) {
    yield Object.assign({ ...STALE }, Object.fromEntries(names.map((name, place) => [name, (bits >> place) % 2 === 1])))
  }
}

t.test('for all combinations of evidence, a request that may have been carried out is repeated only if that is safe', async t => {
  let retried = 0
  for (const evidence of combinations()) {
    const decision = decideElsewhere(evidence)
    if (decision === undefined) continue
    retried++
    const safe = evidence.idempotent && evidence.replayable
    if (!safe && evidence.writeBegun) t.fail(`${decision.kind} for ${JSON.stringify(evidence)}`)
    const written = evidence.writeBegun && decision.kind !== 'unused_timeout'
    if (decision.budgeted !== written) t.fail(`the budget for ${JSON.stringify(evidence)}`)
  }
  t.ok(retried > 20, `${retried} combinations are retried`)
})

t.test('a failed dial goes to another endpoint at once, to three in all', async t => {
  const dial = { tried: 1, another: true, refused: true, since: 0 }
  t.equal(afterFailedDial(dial, 5, 1_000), 'elsewhere')
  t.equal(afterFailedDial({ ...dial, tried: MOST_DIALLED }, 5, 1_000), 'later')
  t.equal(afterFailedDial({ ...dial, another: false }, 5, 1_000), 'later')
  t.equal(afterFailedDial({ ...dial, another: false }, 1_000, 1_000), 'give-up')
  t.equal(afterFailedDial({ ...dial, another: false, refused: false }, 5, 1_000), 'give-up')
  t.equal(afterFailedDial({ ...dial, refused: false }, 3_000, 1_000), 'elsewhere', 'a dial that timed out')
  t.equal(afterFailedDial({ ...dial, refused: false, tried: 2 }, 6_000, 1_000), 'give-up', 'two of them')
})
