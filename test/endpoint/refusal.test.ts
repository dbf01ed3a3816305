import t from 'tap'
import { ACCEPTING, PROBE_EVERY, dialVerdict, nextRefusal, probingDialDue } from '../../src/endpoint/refusal.js'
import type { Refusal, RefusalEvent } from '../../src/endpoint/refusal.js'

const CONNECT_RETRY = 1_000

function after (events: readonly [now: number, type: RefusalEvent['type']][], from = ACCEPTING): Refusal {
  return events.reduce((state, [now, type]) => nextRefusal(state, { type }, now), from)
}

const REFUSING = after([[0, 'refused']])
const verdict = (state: Refusal, now: number): string => dialVerdict([state], now, CONNECT_RETRY).type

t.test('an endpoint refuses from its first refused dial to its first connection', async t => {
  t.equal(ACCEPTING.since, undefined)
  t.equal(REFUSING.since, 0)
  t.equal(after([[900, 'refused']], REFUSING).since, 0)
  t.equal(after([[900, 'ended']], REFUSING).since, 0, 'a dial that failed in another way is no connection')
  t.equal(after([[900, 'connected']], REFUSING), ACCEPTING)
  for (const type of ['dialled', 'ended', 'connected'] as const) t.equal(after([[900, type]]), ACCEPTING, `${type} changes nothing before`)
})

t.test('for connectRetry after the first refusal, requests dial patiently', async t => {
  t.same(dialVerdict([REFUSING], 0, CONNECT_RETRY), { type: 'dial', until: 1_000 })
  t.same(dialVerdict([after([[700, 'refused']], REFUSING)], 999, CONNECT_RETRY), { type: 'dial', until: 1_000 }, 'all of them together')
  t.equal(verdict(after([[990, 'refused']], REFUSING), 1_000), 'refuse')
})

t.test('after that one request each 250 ms dials, and the others fail at once', async t => {
  const dead = after([[990, 'refused']], REFUSING)
  t.equal(verdict(dead, 1_239), 'refuse')
  t.same(dialVerdict([dead], 1_240, CONNECT_RETRY), { type: 'probe', place: 0 })
  const probing = after([[1_240, 'dialled']], dead)
  t.same(dialVerdict([probing], 1_241, CONNECT_RETRY), { type: 'join', until: 1_270 }, 'the backend may be back, and the dial tells soon')
  t.equal(verdict(probing, 1_290), 'refuse', 'a dial that takes long')
  t.equal(verdict(after([[1_241, 'refused']], probing), 1_242), 'refuse')
  t.notOk(probingDialDue(probing, 99_999), 'one at a time')
})

t.test('after a pause, the first request finds out whether the backend is back', async t => {
  t.equal(verdict(REFUSING, 3_600_000), 'probe')
})

t.test('of several endpoints, the patience begins when the last one refuses', async t => {
  const second = after([[5_000, 'refused']])
  t.same(dialVerdict([REFUSING, second], 5_100, CONNECT_RETRY), { type: 'dial', until: 6_000 })
  t.same(dialVerdict([after([[5_900, 'refused']], REFUSING), second], 6_000, CONNECT_RETRY), { type: 'probe', place: 1 })
})

t.test('under traffic, a backend that is back is found within 0.5 s, and a dead one fails requests within 50 ms', async t => {
  for (const backAt of [1_700, 2_111, 5_003, 60_001]) {
    let state = ACCEPTING
    let dials = 0
    let found = Infinity
    // A request each 2 ms; a dial takes 1 ms.
    for (let now = 0; now < backAt + 1_000 && found === Infinity; now += 2) {
      const what = state.since === undefined ? 'dial' : verdict(state, now)
      if (what === 'refuse') continue
      if (what === 'join') t.fail('no dial is under way')
      if (now > CONNECT_RETRY + 2) dials++
      state = nextRefusal(state, { type: 'dialled' }, now)
      state = nextRefusal(state, { type: now >= backAt ? 'connected' : 'refused' }, now + 1)
      if (now >= backAt) found = now + 1 - backAt
    }
    t.ok(found <= 500, `back at ${backAt}: found after ${found} ms`)
    t.ok(dials <= (backAt - CONNECT_RETRY) / PROBE_EVERY + 2, `${dials} dials`)
  }
})
