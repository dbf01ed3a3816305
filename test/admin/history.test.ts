import t from 'tap'
import { History } from '../../src/admin/history.js'
import type { CloseReason, ConnectionView, Provenance } from '../../src/connection/observer.js'
import type { ErrorCode } from '../../src/errors.js'

const CONNECTION: ConnectionView = { target: 'a', id: 1, served: 1, age: 1, trial: false }
const PROVENANCE: Provenance = { target: 'a', connection: 1, reused: false, nth: 1, idleMs: 0, waitMs: 0, attempts: 1, retries: [], persistence: 'persistent' }
const START = 1_000_000_000_000

/** A history whose clock a test sets, in ms after its beginning. */
function historyAt (): { history: History, set (ms: number): void } {
  let now = START
  return { history: new History(() => now), set: ms => { now = START + ms } }
}

function closeIdle (history: History, idleMs: number | undefined, reason: CloseReason = 'backend_idle'): void {
  history.closed(CONNECTION, reason, idleMs)
}

t.test('each whole second has its events, and seconds without events are present', async t => {
  const { history, set } = historyAt()
  history.sample([['a', 0]])
  set(200)
  history.opened(CONNECTION)
  history.opened(CONNECTION)
  set(1_000)
  history.sample([['a', 7]])
  set(2_999)
  closeIdle(history, 5)
  closeIdle(history, undefined, 'error')
  closeIdle(history, undefined, 'error')
  set(3_000)
  history.sample([['a', 7]])
  set(3_500)
  history.opened(CONNECTION)
  const { since, seconds } = history.of('a')
  t.equal(since, START)
  t.strictSame(seconds, [
    { at: START, requests: 7, opened: 2, closed: {} },
    { at: START + 1_000, requests: 0, opened: 0, closed: {} },
    { at: START + 2_000, requests: 0, opened: 0, closed: { backend_idle: 1, error: 2 } }
  ], 'and the running second is not')
})

t.test('five minutes are kept, oldest first, and memory does not grow in an hour', async t => {
  const { history, set } = historyAt()
  for (let second = 0; second < 3_600; second++) {
    set(second * 1_000)
    history.sample([['a', second * 2]])
    history.opened(CONNECTION)
  }
  set(3_600_000)
  history.sample([['a', 7_200]])
  const { seconds, since } = history.of('a')
  t.equal(since, START)
  t.equal(seconds.length, 300)
  t.same(seconds.map(({ at }) => at - START), Array.from({ length: 300 }, (_, i) => (3_300 + i) * 1_000))
  t.ok(seconds.every(({ requests, opened }) => requests === 2 && opened === 1))
})

t.test('seconds older than five minutes are not shown as new', async t => {
  const { history, set } = historyAt()
  history.opened(CONNECTION)
  set(301_500)
  t.equal(history.of('a').seconds.length, 300)
  t.ok(history.of('a').seconds.every(({ opened }) => opened === 0), 'the second that has its place now was silent')
})

t.test('idle closes by the backend are counted by idle time', async t => {
  const { history } = historyAt()
  closeIdle(history, 0)
  closeIdle(history, 4_990)
  closeIdle(history, 5_005)
  closeIdle(history, 1e9)
  closeIdle(history, 5_000, 'idle_limit')
  closeIdle(history, undefined)
  const { edges, counts } = history.of('a').idleCloses
  t.equal(counts.length, edges.length)
  t.same(edges, [...edges].sort((a, b) => a - b))
  const steps = edges.slice(1).map((edge, i) => edge / edges[i]!)
  t.ok(Math.max(...steps) < 1.4 && Math.min(...steps) > 1.2, 'evenly on a logarithmic scale')
  t.ok(edges[0]! <= 10 && edges.at(-1)! >= 3_600_000)
  const five = edges.findIndex(edge => edge >= 5_005)
  t.equal(counts[five], 2)
  t.equal(counts[0], 1)
  t.equal(counts.at(-1), 1, 'longer ones are in the last')
  t.equal(counts.reduce((sum, n) => sum + n), 4)
})

t.test('the last fifty failures and changes are kept, oldest first', async t => {
  const codeOf = (i: number): ErrorCode => i % 2 === 0 ? 'HOLDFAST_ERR_CONNECT' : 'HOLDFAST_ERR_TLS'
  const { history, set } = historyAt()
  for (let i = 0; i < 60; i++) {
    set(i)
    history.rejected('a', codeOf(i), PROVENANCE)
    history.persistenceChanged('a', 'persistent', 'non-persistent', `cause ${i}`, 'e1')
  }
  const { failures, persistence } = history.of('a')
  t.same(failures.map(({ at, code }) => [at - START, code]), Array.from({ length: 50 }, (_, i) => [i + 10, codeOf(i + 10)]))
  t.strictSame(failures[0], { at: START + 10, code: codeOf(10), provenance: PROVENANCE })
  t.equal(persistence.length, 50)
  t.strictSame(persistence.at(-1), { at: START + 59, from: 'persistent', to: 'non-persistent', cause: 'cause 59', endpoint: 'e1' })
})

t.test('the last hundred events of endpoints are kept, oldest first', async t => {
  const { history, set } = historyAt()
  for (let i = 0; i < 60; i++) {
    set(i)
    history.endpointChanged('a', { endpoint: `e${i}`, address: `10.0.0.${i}:80`, from: i === 59 ? undefined : 'up', to: 'leaving', cause: `cause ${i}`, ejectedBy: 'refused' })
    history.endpointDrained('a', `e${i}`, `10.0.0.${i}:80`)
  }
  const { endpoints } = history.of('a')
  t.equal(endpoints.length, 100)
  t.strictSame(endpoints.slice(0, 2), [
    { at: START + 10, type: 'changed', endpoint: 'e10', address: '10.0.0.10:80', from: 'up', to: 'leaving', cause: 'cause 10' },
    { at: START + 10, type: 'drained', endpoint: 'e10', address: '10.0.0.10:80' }
  ])
  t.match(endpoints.at(-2), { endpoint: 'e59', from: null }, 'a new endpoint has had no state before, and JSON has no undefined')
  t.strictSame(history.of('b').endpoints, [])
})

t.test('a closed target is forgotten, and a new one of the same name counts from zero', async t => {
  const { history, set } = historyAt()
  history.sample([['a', 10], ['b', 1]])
  history.rejected('a', 'HOLDFAST_ERR_CONNECT', PROVENANCE)
  set(1_000)
  history.sample([['b', 3]])
  t.same(history.of('a').failures, [])
  set(2_000)
  history.sample([['a', 4], ['b', 2]])
  set(3_000)
  t.same(history.of('b').seconds.map(({ requests }) => requests), [2, 2, 0], 'fewer than before are another target\'s')
  t.equal(history.of('a').since, START + 2_000)
})

t.test('a target without events has an empty history', async t => {
  const { history } = historyAt()
  t.match(history.of('nobody'), { since: START, seconds: [], persistence: [], failures: [] })
})

t.test('later events do not change a history that was read', async t => {
  const { history, set } = historyAt()
  closeIdle(history, 5)
  set(1_000)
  const before = history.of('a')
  const copy = structuredClone(before)
  set(500)
  closeIdle(history, 5)
  history.rejected('a', 'HOLDFAST_ERR_CONNECT', PROVENANCE)
  t.strictSame(before, copy)
})
