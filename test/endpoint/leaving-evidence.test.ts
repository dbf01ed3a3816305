import t from 'tap'
import { STAYING, isAtHome, isMark, nextDeparture, showsSigns, trialDue } from '../../src/endpoint/leaving-evidence.js'
import type { Departure, DepartureEvent, MarkedResponse } from '../../src/endpoint/leaving-evidence.js'

type Timed = readonly [now: number, event: DepartureEvent]

function after (events: readonly Timed[], from = STAYING, othersShow = false): Departure {
  return events.reduce((state, [now, event]) => nextDeparture(state, event, now, othersShow), from)
}

function marked (nth: number, age: number, client = `client ${nth}`, others = true): DepartureEvent {
  return { type: 'marked', nth, age, client, others }
}

const idleClosed = (nth: number, age: number, idleMs: number): DepartureEvent => ({ type: 'idle_closed', nth, age, idleMs, usual: 60_000 })
const kept = (opened: number, began: number): DepartureEvent => ({ type: 'kept', opened, began })
const REFUSED: DepartureEvent = { type: 'refused' }
const CONNECTED: DepartureEvent = { type: 'connected' }

// nginx in its graceful stop marks the responses in flight, and closes idle connections at once.
const STOP: Timed[] = [[1_000, marked(17, 30_000)], [1_001, idleClosed(4, 9_000, 800)], [1_030, marked(120, 250_000)]]
const LEAVING = after(STOP)

t.test('an endpoint that closes connections which it used to keep is leaving', async t => {
  t.equal(after(STOP.slice(0, 2)).leaving, undefined)
  t.match(LEAVING.leaving, { since: 1_030, cause: 'it closes connections that it used to keep' })
  t.notOk(isAtHome(LEAVING))
})

t.test('an endpoint that refuses dials and serves on is leaving', async t => {
  t.match(after([[1_000, REFUSED], [1_050, kept(0, 1_010)]]).leaving, { since: 1_050, cause: 'its listener is closed, and it serves on' })
  t.match(after([[1_000, REFUSED], [1_050, marked(9, 5_000)]]).leaving, { since: 1_050 })
  t.match(after([[990, marked(9, 5_000)], [1_000, REFUSED]]).leaving, { since: 1_000 })
  t.equal(after([[1_000, REFUSED]]).leaving, undefined, 'it may have been killed')
  t.equal(after([[990, idleClosed(9, 5_000, 300)], [1_000, REFUSED]]).leaving, undefined, 'the end of a process closes idle connections too')
  t.equal(after([[1_000, REFUSED], [1_001, idleClosed(9, 5_000, 300)]]).leaving, undefined, 'in whatever order it is seen')
  t.equal(after([[1_000, REFUSED], [1_050, kept(0, 900)]]).leaving, undefined, 'a response that was under way before')
  t.equal(after([[1_000, REFUSED], [1_010, CONNECTED], [1_050, kept(0, 1_020)]]).leaving, undefined, 'a listener that was replaced')
})

t.test('an endpoint that has closed idle connections alone does not leave any more when it refuses dials: it was killed', async t => {
  const killed = after([[1_000, idleClosed(17, 30_000, 900)], [1_000, idleClosed(4, 9_000, 400)], [1_000, idleClosed(120, 250_000, 2_000)]])
  t.ok(killed.leaving, 'before a dial it may be a graceful stop')
  t.match(after([[1_200, REFUSED]], killed), { leaving: undefined, signs: [], refused: 1_200 })
  t.ok(after([[1_200, REFUSED]], LEAVING).leaving, 'a server that has announced closes in its answers leaves')
})

t.test('a connection that is kept ends the row', async t => {
  t.equal(after([...STOP.slice(0, 2), [1_010, kept(0, 1_005)], STOP[2]!]).leaving, undefined)
  t.ok(after([...STOP.slice(0, 2), [1_010, kept(0, 990)], STOP[2]!]).leaving, 'a response to a request of before the signs does not')
})

t.test('signs that are far apart belong to different events', async t => {
  t.equal(after([[0, marked(17, 30_000)], [9_000, marked(4, 9_000)], [10_001, marked(120, 250_000)]]).leaving, undefined)
})

t.test('where other endpoints show signs too, it is the way of all of them', async t => {
  t.equal(after(STOP, STAYING, true).leaving, undefined)
  t.ok(showsSigns(after(STOP.slice(0, 1)), 1_000))
  t.notOk(showsSigns(after(STOP.slice(0, 1)), 11_000))
})

t.test('limits of requests, of age and of idle time are no signs of leaving', async t => {
  const times = [0, 1, 2, 3, 4, 5]
  t.equal(after(times.map(n => [n, marked(1_000, 60_000 * 2 ** n)])).leaving, undefined, 'nginx: 1 000 requests')
  t.equal(after(times.map(n => [n, marked(50 + 9 * n, 3_600_000 + 900 * n)])).leaving, undefined, 'an hour, for connections of one start')
  t.equal(after(times.map(n => [n, idleClosed(50 + 9 * n, 3_000 * 2 ** n, 5_000 + 9 * n)])).leaving, undefined, 'a shorter idle timeout')
  const late = times.map((n): Timed => [n, idleClosed(50 + 9 * n, 3_000 * 2 ** n, 30_000 + 5_000 * n)])
  t.equal(after(late).leaving, undefined, 'near the usual idle time')
  t.equal(after(times.map(n => [n, idleClosed(50 + 9 * n, 3_000 * 2 ** n, 10 * n)])).leaving, undefined, 'right behind responses')
})

t.test('a number of requests at which the endpoint closed before is not even one sign', async t => {
  const learned = after([[0, marked(1_000, 60_000)], [50, kept(0, 10)]])
  t.ok(isAtHome(learned))
  t.equal(after([[100, marked(1_000, 90_000)]], learned), learned)
})

t.test('one client alone makes no endpoint leave that answers others', async t => {
  const marks = (client: string, others: boolean): Timed[] => [5, 50, 500].map(nth => [nth, marked(nth, 100 * nth, client, others)])
  t.equal(after(marks('the attacker', true)).leaving, undefined)
  t.ok(after(marks('the only client', false)).leaving)
})

t.test('an announced close is a sign only where no request and no habit is the cause', async t => {
  const mark: MarkedResponse = {
    method: 'GET', status: 200, withBody: false, nth: 2, requestSent: true, clientGone: false, upgraded: false, asked: false,
    expected: false, persistent: true
  }
  t.ok(isMark(mark))
  t.ok(isMark({ ...mark, status: 503 }), 'Fastify while it closes')
  const none: [string, Partial<MarkedResponse>][] = [
    ['a non-persistent backend', { persistent: false }],
    ['the first response of its connection', { nth: 1 }],
    ['max=0', { expected: true }],
    ['the gateway asked for it', { asked: true }],
    ['an upload', { method: 'POST', withBody: true }],
    ['a GET with a body', { withBody: true }],
    ['gunicorn and HEAD', { method: 'HEAD' }],
    ['nginx and 500', { status: 500 }],
    ['python and 404', { status: 404 }],
    ['a request that was not read whole', { requestSent: false }],
    ['a client that left', { clientGone: true }],
    ['a tunnel', { upgraded: true }]
  ]
  for (const [title, change] of none) t.notOk(isMark({ ...mark, ...change }), title)
})

t.test('an endpoint stays after all when a later connection is kept', async t => {
  t.notOk(trialDue(STAYING, 99_999))
  t.notOk(trialDue(LEAVING, 2_029))
  t.ok(trialDue(LEAVING, 2_030))
  const trial = after([[2_030, { type: 'trial_begun' }]], LEAVING)
  t.notOk(trialDue(trial, 4_029))
  t.ok(trialDue(trial, 4_030), 'each trial doubles the time')
  t.equal(after([[2_100, kept(900, 2_050)]], trial), trial, 'a connection of before')
  t.ok(isAtHome(after([[2_100, kept(2_031, 2_050)]], trial)))
})

t.test('an endpoint that was restarted at its address is tried at the first dial that succeeds', async t => {
  let state = after([[990, marked(9, 5_000)], [1_000, REFUSED]])
  for (const now of [2_000, 4_000, 8_000]) state = after([[now, { type: 'trial_begun' }], [now + 1, REFUSED]], state)
  t.notOk(trialDue(state, 9_000))
  state = after([[9_250, CONNECTED]], state)
  t.ok(trialDue(state, 9_250))
  t.ok(isAtHome(after([[9_300, kept(9_250, 9_260)]], state)))
})
