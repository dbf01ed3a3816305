import t from 'tap'
import { PERSISTENT, nextPersistence, trialDelay } from '../../src/target/persistence.js'
import type { PersistenceEvent, PersistenceState } from '../../src/target/persistence.js'

const SETTINGS = { closesBeforeTeardown: 3, trialInterval: 1_000 }
const NOW = 50_000
const MIDDLE = 0.5 // no jitter either way

const CLOSED: PersistenceEvent = { type: 'closed_after_first', cause: 'Connection: close' }
const KEPT: PersistenceEvent = { type: 'kept' }
const DUE: PersistenceEvent = { type: 'trial_due' }
const PASSED: PersistenceEvent = { type: 'trial_passed' }
const FAILED: PersistenceEvent = { type: 'trial_failed', cause: 'HTTP/1.0' }
const EVENTS = [CLOSED, KEPT, DUE, PASSED, FAILED]

function after (events: PersistenceEvent[], from: PersistenceState = PERSISTENT, random = MIDDLE): PersistenceState {
  return events.reduce((state, event) => nextPersistence(state, event, NOW, SETTINGS, random), from)
}

t.test('a row of closes makes a backend non-persistent', async t => {
  t.strictSame(after([CLOSED, CLOSED]), { ...PERSISTENT, closes: 2 }, 'not yet')
  const state = after([CLOSED, CLOSED, CLOSED])
  t.equal(state.persistence, 'non-persistent')
  t.equal(state.trialAt, NOW + SETTINGS.trialInterval)
  t.equal(state.failures, 0)
  t.match(state.cause, 'Connection: close')
  t.match(state.cause, '3')
})

t.test('the length of the row is the operator\'s', async t => {
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
  t.equal(after([CLOSED, CLOSED, KEPT]).closes, 0)
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

t.test('with each trial that fails the next one is twice as far, up to eight times', async t => {
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

t.test('what belongs to another state changes nothing', async t => {
  const expected: [PersistenceState, PersistenceEvent[]][] = [
    [PERSISTENT, [KEPT, DUE, PASSED, FAILED]],
    [NON_PERSISTENT, [CLOSED, KEPT, PASSED, FAILED]],
    [TRIAL, [CLOSED, KEPT, DUE]]
  ]
  for (const [state, events] of expected) {
    for (const event of events) t.equal(nextPersistence(state, event, NOW, SETTINGS, MIDDLE), state, `${event.type} in ${state.persistence}`)
  }
})

t.test('somebody else\'s decision stands, and is where things go on from', async t => {
  const set = (persistence: PersistenceState['persistence']): PersistenceEvent => ({ type: 'set', persistence, cause: 'the operator said so' })
  const off = after([set('non-persistent')])
  t.equal(off.persistence, 'non-persistent')
  t.equal(off.cause, 'the operator said so')
  t.equal(off.trialAt, NOW + 1_000, 'it is tried again all the same')
  const trial = after([set('trial')], after([FAILED], TRIAL))
  t.strictSame(trial, { persistence: 'trial', closes: 0, failures: 0, trialAt: undefined, cause: 'the operator said so' })
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
