import t from 'tap'
import { decideElsewhere } from '../../src/endpoint/retry-elsewhere.js'
import type { ElsewhereEvidence, ElsewhereKind } from '../../src/endpoint/retry-elsewhere.js'
import { isIdempotent } from '../../src/http/idempotent.js'

type Evidence = Omit<ElsewhereEvidence, 'another' | 'bound' | 'affordable'>

/** The decision of a target with one endpoint. */
function decideRetry (evidence: Evidence): ElsewhereKind | undefined {
  return decideElsewhere({ ...evidence, another: false, bound: false, affordable: true })?.kind
}

/** A GET that was lost on a reused connection before any byte of an answer. */
const STALE: Evidence = {
  lost: true,
  reused: true,
  writeBegun: true,
  responseStarted: false,
  unusedTimeout: false,
  clientGone: false,
  idempotent: true,
  replayable: true,
  retried: false
}
const UNWRITTEN: Evidence = { ...STALE, writeBegun: false, idempotent: false, replayable: false }
// The attempt with the 408 was abandoned, not lost. The bytes of the 408 are no answer.
const UNUSED_TIMEOUT: Evidence = { ...STALE, lost: false, responseStarted: true, unusedTimeout: true }

const TABLE: [title: string, evidence: Evidence, decision: ElsewhereKind | undefined][] = [
  ['reused, no response byte, idempotent, replayable', STALE, 'stale'],
  ['reused, nothing written, whatever the method and the body', UNWRITTEN, 'unwritten'],
  ['reused, a 408 with close as the connection\'s first answer', UNUSED_TIMEOUT, 'unused_timeout'],
  ['any byte of a response', { ...STALE, responseStarted: true }, undefined],
  ['not idempotent', { ...STALE, idempotent: false }, undefined],
  ['a body that is gone', { ...STALE, replayable: false }, undefined],
  ['a 408 to what must not run twice', { ...UNUSED_TIMEOUT, idempotent: false }, undefined],
  ['a 408 to a body that is gone', { ...UNUSED_TIMEOUT, replayable: false }, undefined],
  ['a timeout, an abort or nonsense', { ...STALE, lost: false }, undefined],
  ['nothing written, and not for want of a connection', { ...UNWRITTEN, lost: false }, undefined]
]

t.test('each row of the table is decided as it says', async t => {
  for (const [title, evidence, decision] of TABLE) t.equal(decideRetry(evidence), decision, title)
})

t.test('a request is retried at most once', async t => {
  for (const [title, evidence] of TABLE) t.equal(decideRetry({ ...evidence, retried: true }), undefined, title)
})

t.test('no request is retried once its client has gone', async t => {
  for (const [title, evidence] of TABLE) t.equal(decideRetry({ ...evidence, clientGone: true }), undefined, title)
})

t.test('a failure on a fresh connection is not retried', async t => {
  for (const [title, evidence] of TABLE) t.equal(decideRetry({ ...evidence, reused: false }), undefined, title)
})

t.test('for all combinations of evidence, a request that may have been carried out is repeated only if that is safe', async t => {
  const names = Object.keys(STALE) as (keyof Evidence)[]
  let retried = 0
  for (let bits = 0; bits < 2 ** names.length; bits++) {
    const evidence = Object.fromEntries(names.map((name, i) => [name, (bits >> i) % 2 === 1])) as unknown as Evidence
    const decision = decideRetry(evidence)
    if (decision === undefined) continue
    retried++
    const safe = evidence.idempotent && evidence.replayable
    const neverWritten = decision === 'unwritten' && !evidence.writeBegun
    if (!safe && !neverWritten) t.fail(`${decision} for ${JSON.stringify(evidence)}`)
    if (evidence.clientGone || evidence.retried || !evidence.reused) t.fail(`${decision} for ${JSON.stringify(evidence)}`)
  }
  t.ok(retried > 0, `${retried} of ${2 ** names.length}`)
})

t.test('idempotent methods are those of RFC 9110 section 9.2.2, and the registered safe ones', async t => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'PROPFIND', 'SEARCH', 'REPORT']) t.ok(isIdempotent(method), method)
  // Methods are case-sensitive: `get` is another method than `GET`.
  for (const method of ['POST', 'PATCH', 'CONNECT', 'LOCK', 'get', '', 'constructor']) t.notOk(isIdempotent(method), JSON.stringify(method))
})
