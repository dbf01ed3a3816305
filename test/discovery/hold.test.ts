import t from 'tap'
import { endpointsOf, heldUntil, missingOf, nextHeld, NOTHING_HELD, type Held, type HoldEvent } from '../../src/discovery/hold.js'
import { addressId, type Answer, type Found } from '../../src/discovery/source.js'
import { seededRandom } from '../../testing/random.js'

const SETTINGS = { hold: 30_000, most: 1_000 }

function at (host: string, more: Partial<Found> = {}): Found {
  return { id: addressId(host, 80), host, port: 80, weight: 1, priority: 0, leaving: false, ...more }
}

function answer (hosts: readonly (string | Found)[], absence: Answer['absence'] = 'held'): HoldEvent {
  return { type: 'answer', answer: { found: hosts.map(host => typeof host === 'string' ? at(host) : host), absence } }
}

/** What is held after events, each at its time. */
function after (events: readonly (readonly [now: number, event: HoldEvent])[], settings = SETTINGS): Held {
  return events.reduce((held, [now, event]) => nextHeld(held, event, now, settings), NOTHING_HELD)
}

const hosts = (held: Held): string[] => endpointsOf(held).map(({ host }) => host)

t.test('an address that answers lack is kept for the time of hold, and given up by an answer only', async t => {
  const begun: [number, HoldEvent][] = [[0, answer(['a', 'b'])], [5_000, answer(['a'])]]
  t.same(hosts(after(begun)), ['a', 'b'])
  t.same(hosts(after([...begun, [34_999, answer(['a'])]])), ['a', 'b'])
  t.same(hosts(after([...begun, [35_000, { type: 'passed' }]])), ['a', 'b'], 'an outage gives up no endpoint')
  t.same(hosts(after([...begun, [35_000, answer(['a'])]])), ['a'])
  t.same(
    hosts(after([[0, answer(['a', 'b'])], [3_600_000, answer(['a'])]])),
    ['a', 'b'],
    'hold begins with the first answer without it, whatever the TTL'
  )
  t.same(hosts(after([[0, answer(['a', 'b'])], [5_000, answer(['a'])]], { ...SETTINGS, hold: 0 })), ['a'], 'without hold, at once')
})

t.test('an address that answers lack goes at once when it refuses', async t => {
  const begun: [number, HoldEvent][] = [[0, answer(['a', 'b'])], [5_000, answer(['a'])]]
  t.same(hosts(after([...begun, [5_001, { type: 'refuses', id: 'b:80' }]])), ['a'])
  t.same(hosts(after([[0, answer(['a', 'b'])], [1, { type: 'refuses', id: 'b:80' }]])), ['a', 'b'], 'one that answers have is not given up')
  t.same(
    hosts(after([[0, answer(['a', 'b'])], [1, { type: 'refuses', id: 'b:80' }], [5_000, answer(['a'])]])), ['a'], 'one that refused before'
  )
  t.same(hosts(after([
    [0, answer(['a', 'b'])], [1, { type: 'refuses', id: 'b:80' }], [2, { type: 'serves', id: 'b:80' }], [5_000, answer(['a'])]
  ])), ['a', 'b'], 'one that serves again')
})

t.test('an address that comes back is the same endpoint, in its old place, as the answer has it', async t => {
  const held = after([[0, answer(['a', 'b', 'c'])], [5_000, answer(['c', 'a'])], [10_000, answer([at('b', { weight: 5 }), 'a', 'c'])]])
  t.same(endpointsOf(held), [at('a'), at('b', { weight: 5 }), at('c')])
  t.equal(missingOf(held), 0)
  t.same(hosts(after([[0, answer(['a', 'b'])], [1, answer(['b', 'a', 'b', 'b'])]])), ['a', 'b'], 'each address once')
})

t.test('answers with three of nine in rotation keep all nine', async t => {
  const nine = Array.from({ length: 9 }, (_, n) => `10.0.0.${n}`)
  let held = NOTHING_HELD
  for (let n = 0; n < 1_000; n++) {
    held = nextHeld(held, answer(nine.filter((_, index) => Math.floor(index / 3) === n % 3)), n * 5_000, SETTINGS)
    if (n >= 2 && endpointsOf(held).length !== 9) t.fail(`${endpointsOf(held).length} after ${n} answers`)
  }
  t.equal(endpointsOf(held).length, 9)
})

t.test('answers with a random three of nine keep all nine, once it is known that addresses come back', async t => {
  const random = seededRandom(7)
  const nine = Array.from({ length: 9 }, (_, n) => `10.0.0.${n}`)
  let held = NOTHING_HELD
  let lost = 0
  let lostWithout = 0
  const seenAt = new Map<string, number>()
  for (let n = 0; n < 10_000; n++) {
    const three = nine.toSorted(() => random() - 0.5).slice(0, 3)
    held = nextHeld(held, answer(three), n * 5_000, SETTINGS)
    for (const host of three) seenAt.set(host, n)
    if (n < 100) continue
    lost += 9 - endpointsOf(held).length
    lostWithout += nine.filter(host => n - (seenAt.get(host) ?? -Infinity) > 6).length
  }
  t.ok(lost < 100, `${lost} of 90 000, and ${lostWithout} with hold alone`)
  t.ok(lostWithout > 1_000, 'hold alone does not do')
})

t.test('the time that is granted to addresses that come and go is bounded', async t => {
  let held = after([[0, answer(['a', 'b'])]])
  let now = 0
  for (const absence of [29_000, 80_000, 200_000, 290_000, 299_000]) {
    held = nextHeld(held, answer(['a']), now += 1_000, SETTINGS)
    held = nextHeld(held, answer(['a', 'b']), now += absence, SETTINGS)
  }
  held = nextHeld(held, answer(['a']), now += 1_000, SETTINGS)
  t.same(hosts(nextHeld(held, answer(['a']), now + 299_999, SETTINGS)), ['a', 'b'])
  t.same(hosts(nextHeld(held, answer(['a']), now + 300_000, SETTINGS)), ['a'])
})

t.test('an empty answer of a name removes no endpoint, however long it lasts', async t => {
  const held = after([[0, answer(['a', 'b'])], [5_000, answer([])], [600_000, answer([])], [700_000, { type: 'passed' }]])
  t.same(hosts(held), ['a', 'b'])
  t.equal(heldUntil(held, SETTINGS), undefined)
})

t.test('a source that vouches for its answers removes at once, and becomes empty after hold', async t => {
  t.same(hosts(after([[0, answer(['a', 'b'], 'gone')], [1, answer(['a'], 'gone')]])), ['a'])
  const empty = after([[0, answer(['a', 'b'], 'gone')], [1_000, answer([], 'gone')], [2_000, answer([], 'gone')]])
  t.same(hosts(empty), ['a', 'b'])
  t.equal(heldUntil(empty, SETTINGS), 31_000)
  t.same(hosts(nextHeld(empty, { type: 'refuses', id: 'a:80' }, 2_001, SETTINGS)), ['b'])
  t.same(hosts(nextHeld(empty, { type: 'passed' }, 30_999, SETTINGS)), ['a', 'b'])
  t.same(hosts(nextHeld(empty, { type: 'passed' }, 31_000, SETTINGS)), [])
  t.same(hosts(nextHeld(empty, answer(['c'], 'gone'), 20_000, SETTINGS)), ['c'], 'until an endpoint is there')
  t.same(hosts(after([[0, answer(['a'], 'gone')], [1, answer([], 'gone')]], { ...SETTINGS, hold: 0 })), [])
})

t.test('there are at most a thousand endpoints: first those that were there, and of those that are missing the latest', async t => {
  const many = Array.from({ length: 1_200 }, (_, n) => `10.0.${n >> 8}.${n & 255}`)
  const first = after([[0, answer(many)]])
  t.equal(endpointsOf(first).length, 1_000)
  t.equal(first.left, 200)
  const reversed = nextHeld(first, answer(many.toReversed()), 5_000, SETTINGS)
  t.same(endpointsOf(reversed), endpointsOf(first), 'another order of the same answer changes nothing')
  let held = NOTHING_HELD
  for (let n = 0; n < 2_000; n++) held = nextHeld(held, answer([`10.1.${n >> 8}.${n & 255}`]), n, SETTINGS)
  t.equal(endpointsOf(held).length, 1_000, 'also where each answer has another address')
  t.same([hosts(held).at(0), hosts(held).at(-1)], ['10.1.3.232', '10.1.7.207'], 'the latest thousand')
})

t.test('what changes nothing returns the state that it got', async t => {
  const held = after([[0, answer(['a'])]])
  t.equal(nextHeld(held, { type: 'serves', id: 'a:80' }, 1, SETTINGS), held)
  t.equal(nextHeld(held, { type: 'refuses', id: 'unknown' }, 1, SETTINGS), held)
  t.equal(nextHeld(held, answer([]), 1, SETTINGS), held)
})
