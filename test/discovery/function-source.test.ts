import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Discovery } from '../../src/discovery/discovery.js'
import { functionSource } from '../../src/discovery/function-source.js'
import type { DiscoveryFunction, GivenEndpoint } from '../../src/options/upstream-option.js'
import type { Source } from '../../src/discovery/source.js'
import { GivenTime } from '../../testing/given-time.js'
import { listenTo, type SourceEvents } from '../../testing/source-events.js'

function rig (t: Test, discover: DiscoveryFunction): { time: GivenTime, events: SourceEvents, source: Source } {
  const time = new GivenTime()
  const source = functionSource(discover, { protocol: 'http:', refresh: 5_000, timing: time })
  t.teardown(() => source.stop())
  return { time, source, events: listenTo(source) }
}

async function turns (count: number): Promise<void> {
  for (let n = 0; n < count; n++) await nextTurn()
}

t.test('a function that returns a list is called again at refresh', async t => {
  const lists: GivenEndpoint[][] = [['http://a:1'], ['http://a:1', { url: 'http://b:1', weight: 2 }]]
  const { events, time } = rig(t, () => lists.shift()!)
  t.equal(await events.next(), 'a')
  t.equal(time.next, 5_000)
  time.pass(5_000)
  t.equal(await events.next(), 'a b')
  t.equal(events.answers[0]?.absence, 'gone')
})

t.test('a function that throws, rejects or returns rubbish is a failure, and is called again with growing pauses', async t => {
  const results: (() => unknown)[] = [
    () => { throw new Error('boom') },
    async () => { throw new Error('consul is gone') },
    () => 'http://a',
    () => [7],
    () => null,
    async () => ['https://a'],
    () => ['http://a']
  ]
  const { events, time } = rig(t, () => results.shift()!() as GivenEndpoint[])
  const seen: string[] = []
  for (const wait of [1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 5_000]) {
    seen.push(await events.next())
    t.equal(time.next, wait)
    time.pass(wait)
  }
  t.match(seen, [
    'failed: it failed: boom',
    'failed: it failed: consul is gone',
    /is no list; give URLs/,
    /list\[0\]: 7 is no URL/,
    /null is no list/,
    /has another scheme than http:/,
    'a'
  ])
})

t.test('a function that never answers is given up after ten seconds, and asked again three times at most', async t => {
  const signals: AbortSignal[] = []
  const ends: ((list: GivenEndpoint[]) => void)[] = []
  const { events, time } = rig(t, ({ signal }) => {
    signals.push(signal)
    return new Promise(resolve => ends.push(resolve))
  })
  for (let n = 0; n < 3; n++) {
    await nextTurn()
    time.pass(10_000)
    t.equal(await events.next(), 'failed: no answer in 10000 ms')
    t.equal(signals[n]?.aborted, true)
    time.pass(5_000)
  }
  t.match(await events.next(), /^failed: 3 questions have not ended, though they were aborted/)
  time.pass(60_000)
  await turns(3)
  t.equal(signals.length, 3)
  ends[0]!(['http://late:1'])
  await nextTurn()
  t.same(events.answers, [], 'what comes too late is not told')
  time.pass(5_000)
  await nextTurn()
  t.equal(signals.length, 4, 'but makes room for another question')
  ends[3]!(['http://a:1'])
  await turns(2)
  t.equal(events.answers.length, 1)
})

t.test('each list that an async generator yields counts, and rubbish among them does not end it', async t => {
  const wake: (() => void)[] = []
  const { events, time } = rig(t, async function * () {
    for (const list of [['http://a:1'], ['http://a:1', 'http://b:1'], 'rubbish', ['http://b:1']] as GivenEndpoint[][]) {
      yield list
      await new Promise<void>(resolve => wake.push(resolve))
    }
  })
  const seen: string[] = []
  for (let n = 0; n < 4; n++) {
    seen.push(await events.next())
    while (wake.length === 0) await nextTurn()
    time.pass(100)
    wake.shift()!()
  }
  t.match(seen, ['a', 'a b', /is no list/, 'b'])
  t.equal(await events.next(), 'failed: the discovery function\'s iterable has ended; it is called again')
  t.equal(time.next, 1_000)
})

t.test('the last list of an iterable that ends at once is told', async t => {
  const { events } = rig(t, async function * () {
    yield ['http://a:1']
    yield ['http://b:1']
    yield ['http://c:1']
    throw new Error('boom')
  })
  t.same([await events.next(), await events.next(), await events.next()], ['a', 'c', 'failed: it failed: boom'])
})

t.test('an iterable may be silent after its first list, not before it', async t => {
  const signals: AbortSignal[] = []
  const { events, time, source } = rig(t, async function * ({ signal }) {
    signals.push(signal)
    if (signals.length === 1) await new Promise(() => {})
    yield ['http://a:1']
    await new Promise((_resolve, reject) => signal.addEventListener('abort', reject, { once: true }))
  })
  await nextTurn()
  time.pass(10_000)
  t.equal(await events.next(), 'failed: no answer in 10000 ms')
  time.pass(1_000)
  t.equal(await events.next(), 'a')
  time.pass(3_600_000)
  t.same([events.answers.length, events.faults.length], [1, 1])
  source.stop()
  t.equal(signals[1]?.aborted, true)
  t.equal(time.timers, 0)
})

t.test('a generator that never waits neither holds the event loop nor pushes more than ten lists a second', async t => {
  let yielded = 0
  const { events, time, source } = rig(t, async function * () {
    for (;;) yield [`http://a:${++yielded % 60_000 + 1}`]
  })
  await events.next()
  for (let n = 0; n < 100; n++) {
    await turns(3)
    time.pass(10)
  }
  t.ok(yielded > 100, `${yielded} lists`)
  t.ok(events.answers.length <= 11, `${events.answers.length} were pushed in a second`)
  source.stop()
  await turns(3)
  const atStop = yielded
  await turns(5)
  t.equal(yielded, atStop, 'and ends with its source')
})

t.test('10 000 changes in 10 s are a hundred pushes, and the last one is told', async t => {
  const time = new GivenTime()
  let wake = (): void => {}
  let index = 0
  const discovery = new Discovery({
    timing: time,
    source: functionSource(async function * () {
      for (;;) {
        yield Array.from({ length: 50 }, (_, n) => `http://10.0.${(index + n) >> 8 & 255}.${(index + n) & 255}:80`)
        await new Promise<void>(resolve => { wake = resolve })
      }
    }, { protocol: 'http:', refresh: 5_000, timing: time })
  })
  let pushes = 0
  let last: string | undefined
  discovery.start({ changed: endpoints => { pushes++; last = endpoints.at(-1)?.host } })
  await turns(5)
  for (index = 1; index <= 10_000; index++) {
    wake()
    await turns(2)
    time.pass(1)
  }
  time.pass(100)
  t.ok(pushes >= 90 && pushes <= 102, `${pushes} pushes`)
  t.equal(last, `10.0.${(10_000 + 49) >> 8 & 255}.${(10_000 + 49) & 255}`)
  t.equal(discovery.view().endpoints, 50)
  discovery.stop()
  t.equal(time.timers, 0)
})
