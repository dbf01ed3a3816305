import t from 'tap'
import { PERSISTENT, isSuspect, kindOf, nextPersistence, trialDelay } from '../../src/target/persistence.js'
import type { PersistenceEvent, PersistenceState } from '../../src/target/persistence.js'

const SETTINGS = { closesBeforeTeardown: 3, trialInterval: 1_000 }
const NOW = 50_000
const MIDDLE = 0.5 // no jitter either way

const CLOSED: PersistenceEvent = { type: 'closed', address: '', kind: 'GET', first: true, standing: 0, cause: 'Connection: close' }
const KEPT: PersistenceEvent = { type: 'kept', address: '', kind: 'GET' }
const DUE: PersistenceEvent = { type: 'trial_due' }
const PASSED: PersistenceEvent = { type: 'trial_passed' }
const FAILED: PersistenceEvent = { type: 'trial_failed', cause: 'HTTP/1.0' }
const EVENTS = [CLOSED, KEPT, DUE, PASSED, FAILED]

function after (events: PersistenceEvent[], from: PersistenceState = PERSISTENT, random = MIDDLE): PersistenceState {
  return events.reduce((state, event) => nextPersistence(state, event, NOW, SETTINGS, random), from)
}

t.test('a row of closes makes a backend non-persistent', async t => {
  t.equal(after([CLOSED, CLOSED]).persistence, 'persistent', 'not yet')
  const state = after([CLOSED, CLOSED, CLOSED])
  t.equal(state.persistence, 'non-persistent')
  t.equal(state.trialAt, NOW + SETTINGS.trialInterval)
  t.equal(state.failures, 0)
  t.match(state.cause, 'Connection: close')
  t.match(state.cause, '3')
})

t.test('the operator sets the length of the row', async t => {
  for (const closesBeforeTeardown of [1, 2, 7]) {
    let state = PERSISTENT
    for (let n = 1; n < closesBeforeTeardown; n++) {
      state = nextPersistence(state, CLOSED, NOW, { ...SETTINGS, closesBeforeTeardown }, MIDDLE)
      t.equal(state.persistence, 'persistent', `${n} of ${closesBeforeTeardown}`)
    }
    state = nextPersistence(state, CLOSED, NOW, { ...SETTINGS, closesBeforeTeardown }, MIDDLE)
    t.equal(state.persistence, 'non-persistent', `${closesBeforeTeardown} of ${closesBeforeTeardown}`)
  }
})

t.test('one connection that is kept breaks the row', async t => {
  t.ok(isSuspect(after([CLOSED, CLOSED])))
  t.notOk(isSuspect(after([CLOSED, CLOSED, KEPT])))
  t.equal(after([CLOSED, CLOSED, KEPT, CLOSED, CLOSED]).persistence, 'persistent')
  t.equal(after([CLOSED, CLOSED, KEPT, CLOSED, CLOSED, CLOSED]).persistence, 'non-persistent')
})

const NON_PERSISTENT = after([CLOSED, CLOSED, CLOSED])
const TRIAL = after([DUE], NON_PERSISTENT)

t.test('a trial begins when it is due, and passes or fails', async t => {
  t.equal(TRIAL.persistence, 'trial')
  t.equal(TRIAL.trialAt, undefined, 'and no other is due meanwhile')
  const passed = after([PASSED], TRIAL)
  t.strictSame({ ...passed, cause: '' }, { ...PERSISTENT, cause: '' }, 'passed: as at the start')
  const failed = after([FAILED], TRIAL)
  t.equal(failed.persistence, 'non-persistent')
  t.equal(failed.failures, 1)
  t.equal(failed.cause, 'HTTP/1.0')
})

t.test('each failed trial doubles the time until the next one, up to eight times', async t => {
  let state = NON_PERSISTENT
  const delays: number[] = []
  for (let n = 0; n < 6; n++) {
    delays.push((state.trialAt ?? NaN) - NOW)
    state = after([DUE, FAILED], state)
  }
  t.strictSame(delays, [1_000, 2_000, 4_000, 8_000, 8_000, 8_000])
  const again = after([DUE, PASSED, CLOSED, CLOSED, CLOSED], state)
  t.equal(again.trialAt, NOW + 1_000, 'a trial that passes starts the count anew')
})

t.test('trials are spread by a tenth either way', async t => {
  for (const failures of [0, 1, 2, 3, 9]) {
    const plain = trialDelay(SETTINGS, failures, MIDDLE)
    t.equal(Math.round(trialDelay(SETTINGS, failures, 0)), Math.round(plain * 0.9))
    t.equal(Math.round(trialDelay(SETTINGS, failures, 1)), Math.round(plain * 1.1))
  }
  t.equal(after([CLOSED, CLOSED, CLOSED], PERSISTENT, 0).trialAt, NOW + 900, 'the first one too')
  t.equal(after([FAILED], TRIAL, 1).trialAt, NOW + 2_200, 'and those after a failure')
})

t.test('an event that belongs to another state changes nothing', async t => {
  const expected: [PersistenceState, PersistenceEvent[]][] = [
    [PERSISTENT, [DUE, PASSED, FAILED]],
    [after([KEPT]), [KEPT]],
    [NON_PERSISTENT, [CLOSED, KEPT, PASSED, FAILED]],
    [TRIAL, [CLOSED, KEPT, DUE]]
  ]
  for (const [state, events] of expected) {
    for (const event of events) t.equal(nextPersistence(state, event, NOW, SETTINGS, MIDDLE), state, `${event.type} in ${state.persistence}`)
  }
})

t.test('a decision of an operator stands, and the policy goes on from it', async t => {
  const set = (persistence: PersistenceState['persistence']): PersistenceEvent => ({ type: 'set', persistence, cause: 'the operator said so' })
  const off = after([set('non-persistent')])
  t.equal(off.persistence, 'non-persistent')
  t.equal(off.cause, 'the operator said so')
  t.equal(off.trialAt, NOW + 1_000, 'it is tried again all the same')
  const trial = after([set('trial')], after([FAILED], TRIAL))
  t.strictSame(trial, { ...PERSISTENT, persistence: 'trial', cause: 'the operator said so' })
  const on = after([set('persistent')], NON_PERSISTENT)
  t.equal(on.persistence, 'persistent')
  t.equal(on.trialAt, undefined)
  for (const state of [PERSISTENT, NON_PERSISTENT, TRIAL]) {
    t.equal(after([set(state.persistence)], state), state, `${state.persistence}, once more, changes nothing`)
  }
})

t.test('a state is never changed in place', async t => {
  for (const state of [PERSISTENT, NON_PERSISTENT, TRIAL]) {
    const frozen = Object.freeze({ ...state })
    for (const event of EVENTS) t.doesNotThrow(() => nextPersistence(frozen, event, NOW, SETTINGS, MIDDLE), `${event.type} in ${state.persistence}`)
  }
})

const UPLOAD: PersistenceEvent = { ...CLOSED, kind: 'POST+' }

t.test('closes after requests with a body are evidence about requests of their kind alone', async t => {
  const state = after([UPLOAD, UPLOAD, UPLOAD, UPLOAD, UPLOAD, UPLOAD, UPLOAD, UPLOAD])
  t.equal(state.persistence, 'persistent', 'a client can make them')
  t.strictSame([...state.apart], ['POST+'])
  t.strictSame([...after([KEPT], state).apart], ['POST+'], 'a GET that is kept says nothing of them')
  t.strictSame([...after([{ ...KEPT, kind: 'POST+' }], state).apart], [], 'one of theirs does')
  t.equal(after([UPLOAD, UPLOAD, { ...KEPT, kind: 'POST+' }, UPLOAD, UPLOAD]).apart.size, 0, 'the row has to be one')
})

t.test('at an address that has kept connections, closes after any method but GET are evidence about that method alone', async t => {
  for (const kind of ['HEAD', 'POST', 'DELETE', 'OPTIONS', 'GET+']) {
    const event: PersistenceEvent = { ...CLOSED, kind }
    const state = after([KEPT, event, event, event, event])
    t.equal(state.persistence, 'persistent', kind)
    t.strictSame([...state.apart], [kind])
    t.equal(after([KEPT, CLOSED, event, event, CLOSED, event]).persistence, 'persistent', 'nor do they add to those after GETs')
  }
  t.equal(after([CLOSED, { ...CLOSED, kind: 'HEAD' }, CLOSED]).persistence, 'non-persistent', 'where it has kept none, all tell')
})

t.test('closes after one kind count for that kind, on connections that have served other kinds', async t => {
  const later: PersistenceEvent = { ...CLOSED, kind: 'HEAD', first: false }
  const state = after([later, KEPT, later, KEPT, later])
  t.equal(state.persistence, 'persistent')
  t.strictSame([...state.apart], ['HEAD'])
  t.equal(after([CLOSED, CLOSED, CLOSED], state).apart.size, 0, 'where none are kept, all are alike')
})

t.test('closes do not make a backend non-persistent while a connection is open that has served several requests', async t => {
  const standing: PersistenceEvent = { ...CLOSED, standing: 1 }
  const state = after([standing, standing, standing, standing])
  t.equal(state.persistence, 'persistent')
  t.equal(after([CLOSED], state).persistence, 'non-persistent', 'once none does, it is')
})

t.test('each address is judged by itself', async t => {
  const at = (address: string): PersistenceEvent => ({ ...CLOSED, address })
  t.equal(after([at('a:1'), at('b:1'), at('a:1'), at('b:1')]).persistence, 'persistent')
  t.equal(after([at('a:1'), at('b:1'), at('a:1'), { ...KEPT, address: 'b:1' }, at('a:1')]).persistence, 'non-persistent', 'what another keeps is no news of this one')
  const many = after(Array.from({ length: 1_000 }, (_, n) => at(`10.0.0.1:${n}`)))
  t.ok(many.addresses.size <= 64, 'and those of machines that are gone are forgotten')
})

t.test('a backend that kept connections before is tried again soon; failed trials tell a habit from a restart', async t => {
  const settings = { closesBeforeTeardown: 3, trialInterval: 30_000 }
  const step = (state: PersistenceState, event: PersistenceEvent): PersistenceState => nextPersistence(state, event, NOW, settings, MIDDLE)
  const delays = (from: PersistenceEvent[]): number[] => {
    let state = [...from, CLOSED, CLOSED, CLOSED].reduce(step, PERSISTENT)
    return Array.from({ length: 10 }, () => {
      const delay = (state.trialAt ?? NaN) - NOW
      state = [DUE, FAILED].reduce(step, state)
      return delay
    })
  }
  t.strictSame(delays([KEPT]), [1, 2, 4, 8, 16, 32, 64, 128, 240, 240].map(seconds => seconds * 1_000))
  t.strictSame(delays([]), [30, 60, 120, 240, 240, 240, 240, 240, 240, 240].map(seconds => seconds * 1_000))
  t.strictSame(delays([{ ...KEPT, address: 'other:1' }])[0], 30_000, 'which another address says nothing of')
  const torn = [KEPT, CLOSED, CLOSED, CLOSED, DUE, PASSED, CLOSED, CLOSED, CLOSED].reduce(step, PERSISTENT)
  t.equal(torn.trialAt, NOW + 1_000, 'one restart after another')
  t.equal(trialDelay({ ...settings, trialInterval: 200 }, 0, MIDDLE, true), 200, 'never later than the interval')
})

t.test('a kind is a method, and whether the request had a body', async t => {
  t.strictSame([kindOf('GET', false), kindOf('POST', true), kindOf('POST', undefined), kindOf(undefined, true)], ['GET', 'POST+', 'POST', '+'])
})
