import t from 'tap'
import type { Failure } from '../../src/connection/exchange.js'
import { Answers } from '../../src/endpoint/answers.js'
import { dialEvidence, exchangeEvidence, statusEvidence } from '../../src/endpoint/evidence.js'
import type { FailedRequest } from '../../src/endpoint/evidence.js'
import { retryAfterMs } from '../../src/endpoint/retry-after.js'
import { HoldfastError } from '../../src/errors.js'
import { LOST } from './lost.js'

const TIMEOUT: Failure = { ...LOST, error: new HoldfastError('HOLDFAST_ERR_HEADERS_TIMEOUT'), lost: false, reused: true }
const REQUEST: FailedRequest = { client: '10.0.0.9', began: 1_000, requestWritten: true, elsewhere: 'unasked' }

t.test('a loss on a fresh connection, without a byte, is a failure of the endpoint', async t => {
  t.match(exchangeEvidence(LOST, REQUEST, 500), { cause: 'lost', proven: false, client: '10.0.0.9' })
  t.match(exchangeEvidence(LOST, { ...REQUEST, elsewhere: 'answered' }, 500), { proven: true }, 'the same request was answered elsewhere')
  const unwritten = exchangeEvidence({ ...LOST, writeBegun: false }, { ...REQUEST, requestWritten: false }, 500)
  t.match(unwritten, { proven: true }, 'nothing was written')
})

t.test('a silence that outlasts a request is a failure of the endpoint', async t => {
  t.match(exchangeEvidence(TIMEOUT, REQUEST, 999), { cause: 'timeout', proven: false })
  t.equal(exchangeEvidence(TIMEOUT, REQUEST, 1_000), undefined, 'it has answered another request meanwhile')
})

const NONE: [title: string, failure: Failure, request?: Partial<FailedRequest>][] = [
  ['a stale reuse', { ...LOST, reused: true }],
  ['a stale reuse before anything was written', { ...LOST, reused: true, writeBegun: false }],
  ['a loss after a byte of a response', { ...LOST, responseStarted: true }],
  ['a 408 to an unused connection', { ...LOST, lost: false, reused: true, unusedTimeout: true }],
  ['a client that left', { ...LOST, error: new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'), lost: false }],
  ['a drain', { ...LOST, error: new HoldfastError('HOLDFAST_ERR_DRAINING'), lost: false }],
  ['a body that stopped', { ...LOST, error: new HoldfastError('HOLDFAST_ERR_BODY_TIMEOUT'), lost: false, responseStarted: true }],
  ['no HTTP', { ...LOST, error: new HoldfastError('HOLDFAST_ERR_INVALID_RESPONSE'), lost: false, responseStarted: true }],
  ['an upload that was reset before its end', LOST, { requestWritten: false }],
  ['a request that was lost elsewhere too', LOST, { elsewhere: 'failed' }]
]

t.test('what a race, a client or the gateway has caused is none', async t => {
  for (const [title, failure, request] of NONE) t.equal(exchangeEvidence(failure, { ...REQUEST, ...request }, 0), undefined, title)
})

t.test('failed dials are failures, but for faults of this machine', async t => {
  t.match(dialEvidence('ECONNREFUSED'), { cause: 'refused', proven: true })
  t.match(dialEvidence('ENOENT'), { cause: 'refused' }, 'a unix socket')
  for (const code of ['ECONNRESET', 'EHOSTUNREACH', 'HOLDFAST_ERR_CONNECT_TIMEOUT', 'CERT_HAS_EXPIRED', 'ENOTFOUND']) {
    t.match(dialEvidence(code), { cause: 'dial', detail: code, proven: true })
  }
  for (const code of ['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'HOLDFAST_ERR_DRAINING']) t.equal(dialEvidence(code), undefined, code)
})

t.test('a status counts only where the operator has named it', async t => {
  t.equal(statusEvidence(500, [], 'a'), undefined)
  t.equal(statusEvidence(500, [502, 503], 'a'), undefined)
  t.match(statusEvidence(503, [502, 503], 'a'), { cause: 'status', detail: '503', proven: false, client: 'a' })
})

t.test('Retry-After counts for at most 10 s', async t => {
  const now = Date.UTC(2026, 0, 1)
  t.equal(retryAfterMs('3', now), 3_000)
  t.equal(retryAfterMs(' 120 ', now), 10_000)
  t.equal(retryAfterMs('Thu, 01 Jan 2026 00:00:05 GMT', now), 5_000)
  t.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:05 GMT', now), 0)
  for (const rubbish of [undefined, '', 'soon', '1e3x', '-5x']) t.equal(retryAfterMs(rubbish, now), undefined, String(rubbish))
})

t.test('an endpoint knows whether it has answered another client lately', async t => {
  const answers = new Answers()
  t.notOk(answers.toOthers('a', 0))
  answers.answered('a', 1_000)
  t.notOk(answers.toOthers('a', 2_000))
  t.ok(answers.toOthers('b', 2_000))
  answers.answered('b', 3_000)
  answers.answered('b', 4_000)
  t.ok(answers.toOthers('b', 5_000), 'a was answered at 1 000')
  t.notOk(answers.toOthers('b', 61_000), 'that is long ago')
  t.ok(answers.toOthers('c', 61_000))
  t.equal(answers.last, 4_000)
  const unknown = new Answers()
  unknown.answered(undefined, 0)
  t.notOk(unknown.toOthers(undefined, 1), 'clients that are not known may be one')
})
