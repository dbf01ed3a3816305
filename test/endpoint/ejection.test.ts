import t from 'tap'
import { NEVER_EJECTED, canProbe, isAtEase, nextEjection, probeDue, probesBy } from '../../src/endpoint/ejection.js'
import type { Ejection, EjectionEvent, EjectionSettings } from '../../src/endpoint/ejection.js'
import type { EndpointFailure } from '../../src/endpoint/evidence.js'

const SETTINGS: EjectionSettings = { failures: 5, time: 10_000, maxTime: 300_000 }
const MIDDLE = 0.5 // no jitter either way

const DIAL: EndpointFailure = { cause: 'dial', detail: 'EHOSTUNREACH', proven: true, client: undefined }
const REFUSED: EndpointFailure = { cause: 'refused', detail: 'ECONNREFUSED', proven: true, client: undefined }
const lostOf = (client: string): EndpointFailure => ({ cause: 'lost', detail: 'connection lost', proven: false, client })
const LOST = lostOf('a')
const PROVEN: EndpointFailure = { ...LOST, proven: true }

function failed (failure: EndpointFailure, more: Partial<EjectionEvent & { type: 'failed' }> = {}): EjectionEvent {
  return { type: 'failed', failure, others: true, mayEject: true, probe: false, ...more }
}

function after (events: readonly EjectionEvent[], now = 0, from = NEVER_EJECTED, random = MIDDLE): Ejection {
  return events.reduce((state, event) => nextEjection(state, event, now, SETTINGS, random), from)
}

const answered = (began: number): EjectionEvent => ({ type: 'answered', began })
const row = (event: EjectionEvent, count = 5): EjectionEvent[] => new Array<EjectionEvent>(count).fill(event)
const OUT = after(row(failed(DIAL)))

t.test('failures in a row eject', async t => {
  t.equal(after(row(failed(DIAL), 4)).out, undefined)
  t.match(OUT.out, { cause: 'dial', reason: '5 failures in a row: EHOSTUNREACH', since: 0, until: 10_000 })
  t.match(nextEjection(NEVER_EJECTED, failed(DIAL), 0, { ...SETTINGS, failures: 1 }, MIDDLE).out, { reason: 'EHOSTUNREACH' })
})

t.test('any answer resets the row', async t => {
  const state = after([...row(failed(DIAL), 4), answered(0), ...row(failed(DIAL), 4)])
  t.equal(state.out, undefined)
  t.notOk(isAtEase(state))
  t.ok(isAtEase(after([answered(0)], 0, state)))
  t.equal(nextEjection(NEVER_EJECTED, answered(0), 0, SETTINGS, MIDDLE), NEVER_EJECTED, 'the same object where there is nothing to reset')
})

t.test('where there is no room for an ejection, the next failure tries again', async t => {
  const held = after(row(failed(DIAL, { mayEject: false }), 9))
  t.equal(held.out, undefined)
  t.ok(after([failed(DIAL)], 0, held).out)
  t.notOk(after([answered(0), failed(DIAL)], 0, held).out)
})

t.test('failures that one client may have provoked do not eject an endpoint that answers others', async t => {
  t.equal(after(row(failed(LOST), 50)).out, undefined)
  t.ok(after(row(failed(LOST, { others: false }))).out, 'it serves this client alone')
  t.ok(after([...row(failed(LOST), 4), failed(PROVEN)]).out, 'another endpoint has answered the same request')
  t.ok(after([failed(DIAL), ...row(failed(LOST), 4)]).out, 'a dial has failed too')
  t.equal(after([...row(failed(LOST), 4), answered(0), ...row(failed(lostOf('b')), 9)], 5_000).out, undefined, 'two rows')
  t.ok(after(row(failed({ ...LOST, client: undefined }, { others: false }))).out, 'clients that are not known')
})

t.test('losses that several clients may have provoked together have to last', async t => {
  const both = after([...row(failed(LOST), 4), failed(lostOf('b'))])
  t.equal(both.out, undefined)
  t.equal(after([failed(lostOf('c'))], 999, both).out, undefined)
  t.ok(after([failed(lostOf('c'))], 1_000, both).out, 'a second without an answer')
  t.ok(after([...row(failed(LOST), 4), failed({ ...lostOf('b'), cause: 'timeout' })]).out, 'a timeout has lasted long enough')
})

t.test('after its time, one request at a time probes', async t => {
  t.notOk(probeDue(NEVER_EJECTED, 99_999, SETTINGS))
  t.notOk(probeDue(OUT, 9_999, SETTINGS))
  t.ok(probeDue(OUT, 10_000, SETTINGS))
  const probing = after([{ type: 'probe_begun' }], 12_000, OUT)
  t.notOk(probeDue(probing, 12_001, SETTINGS))
  t.ok(probeDue(after([{ type: 'probe_left' }], 13_000, probing), 13_000, SETTINGS), 'the client of the probing request left')
  t.ok(probeDue(probing, 22_000, SETTINGS), 'a request that is never answered does not hold up the next one')
  t.ok(canProbe({ idempotent: true, replayable: true, tunnels: false }))
  for (const no of [{ idempotent: false }, { replayable: false }, { tunnels: true }]) {
    t.notOk(canProbe({ idempotent: true, replayable: true, tunnels: false, ...no }))
  }
})

t.test('an answer ends the ejection, and a failed probe lengthens it', async t => {
  const probing = after([{ type: 'probe_begun' }], 12_000, OUT)
  t.match(after([answered(12_000)], 12_050, probing), { out: undefined, returned: 12_050, row: 0 })
  t.match(after([failed(DIAL, { probe: true })], 12_050, probing).out, { since: 0, until: 12_050 + 20_000, probing: undefined })
  t.equal(after([failed(DIAL)], 12_050, probing), probing, 'a request of before the ejection says nothing new')
  t.equal(after([answered(-1)], 12_050, OUT), OUT, 'nor does its answer')
  t.equal(after([answered(5)], 9_000, OUT).out, undefined, 'an answer to a request of later does, as in a panic')
})

t.test('the time grows with each ejection, up to a limit, and service makes it shorter', async t => {
  let state = NEVER_EJECTED
  let now = 0
  const lengths: number[] = []
  for (let n = 0; n < 40; n++) {
    state = after(row(failed(DIAL)), now, state)
    lengths.push(state.out!.until - now)
    now = state.out!.until
    state = after([answered(now)], now, state)
  }
  t.same(lengths.slice(0, 4), [10_000, 20_000, 30_000, 40_000])
  t.equal(lengths[39], 300_000)
  const later = (ms: number): number => after(row(failed(DIAL)), now + ms, state).out!.until - now - ms
  t.equal(later(0), 300_000)
  t.equal(later(250_000), 160_000, '25 times 10 s in service')
  t.equal(later(3_600_000), 10_000, 'as at first')
})

t.test('the time is spread by a tenth either way, and never beyond the limit', async t => {
  t.equal(after(row(failed(DIAL)), 0, NEVER_EJECTED, 0).out!.until, 9_000)
  t.equal(Math.round(after(row(failed(DIAL)), 0, NEVER_EJECTED, 1).out!.until), 11_000)
  t.equal(after(row(failed(DIAL)), 0, { ...NEVER_EJECTED, count: 99, returned: 0 }, 1).out!.until, 300_000)
})

t.test('where a dial is refused after an ejection for another cause, the first dial that succeeds ends the ejection too', async t => {
  const lost = after(row(failed(PROVEN)))
  t.equal(after([{ type: 'connected' }], 500, lost).out?.cause, 'lost', 'a server that accepts and loses stays out')
  const refused = after([failed(REFUSED)], 100, lost)
  t.match(refused.out, { cause: 'refused', reason: lost.out!.reason, since: 0, until: lost.out!.until })
  t.equal(after([{ type: 'connected' }], 500, refused).out, undefined)
  const asked = after([{ type: 'asked', by: 'operator', ms: 60_000, reason: 'a test' }, failed(REFUSED), { type: 'connected' }], 500)
  t.equal(asked.out?.cause, 'operator', 'what an operator has said holds')
})

t.test('where dials were refused, the first dial that succeeds ends the ejection', async t => {
  const refused = after(row(failed(REFUSED)))
  t.equal(after([{ type: 'connected' }], 500, refused).out, undefined)
  t.notOk(probeDue(refused, 99_999, SETTINGS), 'and no request probes')
})

t.test('where dials had failed, a dial probes', async t => {
  t.equal(probesBy(OUT.out!), 'dial')
  t.equal(after([{ type: 'connected' }], 500, OUT), OUT, 'before its time, a dial that succeeds proves little')
  t.equal(after([{ type: 'connected' }], 10_000, OUT).out, undefined)
  const lost = after(row(failed(LOST, { others: false })))
  t.equal(probesBy(lost.out!), 'request')
  t.equal(after([{ type: 'connected' }], 10_000, lost), lost, 'it accepted connections all the time')
})

t.test('an ejection that was asked for lasts, whatever the endpoint answers', async t => {
  const asked = after([{ type: 'asked', by: 'operator', ms: Infinity, reason: 'maintenance' }], 100)
  t.match(asked.out, { cause: 'operator', reason: 'maintenance', since: 100, until: Infinity })
  t.equal(after([answered(200)], 300, asked), asked)
  t.equal(after([{ type: 'lifted' }], 300, asked).out, undefined)
  const retryAfter = after([{ type: 'asked', by: 'retry_after', ms: 3_000, reason: '503 with Retry-After' }], 100)
  t.equal(after([answered(200)], 300, retryAfter), retryAfter)
  t.ok(probeDue(retryAfter, 3_100, SETTINGS))
  t.equal(after([answered(3_100)], 3_150, retryAfter).out, undefined)
  t.equal(retryAfter.count, 0, 'it makes no later ejection longer')
})

t.test('a state is never changed in place', async t => {
  const events: EjectionEvent[] = [
    failed(DIAL), failed(DIAL, { probe: true }), answered(0), { type: 'connected' }, { type: 'probe_begun' }, { type: 'probe_left' },
    { type: 'asked', by: 'check', ms: 1, reason: '' }, { type: 'lifted' }
  ]
  for (const state of [NEVER_EJECTED, OUT, after(row(failed(LOST), 4))]) {
    const frozen = Object.freeze({ ...state, out: state.out && Object.freeze({ ...state.out }) })
    for (const event of events) t.doesNotThrow(() => nextEjection(frozen, event, 1, SETTINGS, MIDDLE), event.type)
  }
})
