import t from 'tap'
import { NO_HABIT, nextAfterResponse, quietAfter } from '../../src/target/after-response.js'
import type { AfterResponse, AfterResponseEvent } from '../../src/target/after-response.js'

const closed = (method: string, nth: number, ms: number): AfterResponseEvent => ({ type: 'closed', after: { method, nth }, ms })
const kept = (method: string, nth: number): AfterResponseEvent => ({ type: 'kept', after: { method, nth } })
const after = (events: AfterResponseEvent[], from: AfterResponse = NO_HABIT): AfterResponse => events.reduce(nextAfterResponse, from)
const quiet = (state: AfterResponse, method: string, nth: number): number => quietAfter(state, { method, nth })

t.test('after a close right behind a response, responses like it need more than twice that time of quiet', async t => {
  const state = after([closed('HEAD', 1, 0.25), closed('HEAD', 2, 0.1)])
  t.equal(quiet(state, 'HEAD', 5), 1.5, 'the longest')
  t.equal(quiet(state, 'GET', 5), 0, 'but not after others')
  t.equal(quiet(NO_HABIT, 'HEAD', 1), 0)
})

t.test('an idle close does not count', async t => {
  t.equal(after([closed('GET', 1, 100)]), NO_HABIT)
})

t.test('kept connections tell closes after the nth request from closes after a method', async t => {
  const life = [1, 2, 3, 4, 5, 6].map(nth => kept('POST', nth))
  const state = after([...life, closed('POST', 7, 10), ...life])
  t.equal(quiet(state, 'POST', 3), 0)
  t.equal(quiet(state, 'POST', 7), 21)
  t.equal(quiet(state, 'GET', 7), 21, 'whatever it was')
})

t.test('a habit is forgotten after four kept connections in a row, and not before', async t => {
  const once = after([closed('GET', 1, 1)])
  t.equal(quiet(after([kept('GET', 1), kept('GET', 1), kept('GET', 1), closed('GET', 1, 1), kept('GET', 1)], once), 'GET', 1), 3)
  t.equal(after(Array.from({ length: 4 }, () => kept('GET', 1)), once).habits.size, 0)
  t.equal(after([kept('POST', 9)], once), once, 'what was never closed is no news')
})

t.test('the number of habits is bounded', async t => {
  t.ok(after(Array.from({ length: 1_000 }, (_, n) => closed(`M${n}`, n, 1))).habits.size <= 32)
})
