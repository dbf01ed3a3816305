import t from 'tap'
import { Discovery, type DiscoveryListener } from '../../src/discovery/discovery.js'
import { addressId, type Answer, type DiscoveryFault, type Found, type Source, type SourceListener } from '../../src/discovery/source.js'
import { GivenTime } from '../../testing/given-time.js'

/** A source that says what the test says. */
class GivenSource implements Source {
  listener: SourceListener | undefined
  asked = 0
  start (listener: SourceListener): void { this.listener = listener }
  stop (): void { this.listener = undefined }
  refresh (): void { this.asked++ }

  find (hosts: readonly string[], absence: Answer['absence'] = 'held', fault?: DiscoveryFault): void {
    const found = hosts.map((host): Found => ({ id: addressId(host, 80), host, port: 80, weight: 1, priority: 0, leaving: false }))
    this.listener?.found({ found, absence, ...fault && { fault } })
  }

  fail (message: string): void {
    this.listener?.failed({ kind: 'failed', message })
  }
}

function rig (more: { hold?: number, most?: number } = {}) {
  const time = new GivenTime()
  const source = new GivenSource()
  const discovery = new Discovery({ source, timing: time, ...more })
  const lists: string[] = []
  const log: string[] = []
  const listener: DiscoveryListener = {
    changed: endpoints => lists.push(endpoints.map(({ host }) => host).join(' ')),
    reported: report => log.push(report.type === 'fault' ? report.fault.message : `well after ${report.faults}`)
  }
  discovery.start(listener)
  return { time, source, discovery, lists, log }
}

t.test('a list is pushed when it changes', async t => {
  const { source, lists, time, discovery } = rig()
  source.find(['a', 'b'])
  source.find(['b', 'a'])
  time.pass(5_000)
  source.find(['a', 'b', 'c'])
  t.same(lists, ['a b', 'a b c'])
  discovery.refresh()
  t.equal(source.asked, 1)
})

t.test('a minute of failures removes no endpoint, and is two lines of log', async t => {
  const { source, lists, log, time, discovery } = rig()
  source.find(['a', 'b'])
  for (let n = 0; n < 12; n++) {
    time.pass(5_000)
    if (n % 2 === 0) source.fail('SERVFAIL')
    else source.find([])
  }
  t.same(lists, ['a b'])
  t.match(discovery.view(), { endpoints: 2, missing: 0, answers: 7, failures: 6 })
  source.find(['a', 'b'])
  time.pass(30_000)
  t.same(log, ['SERVFAIL', 'well after 1'])
  t.equal(time.timers, 0)
})

t.test('an endpoint that answers lack goes when it refuses', async t => {
  const { source, lists, discovery } = rig()
  source.find(['a', 'b'])
  source.find(['a'])
  t.equal(discovery.view().missing, 1)
  discovery.serves('b:80')
  discovery.refuses('a:80')
  discovery.refuses('b:80')
  t.same(lists, ['a b', 'a'])
})

t.test('the source is asked soon when an endpoint begins to refuse', async t => {
  const { source, discovery } = rig()
  source.find(['a'])
  discovery.refuses('a:80')
  t.equal(source.asked, 1)
})

t.test('a source that vouches for its answers is empty after hold, unless an endpoint comes', async t => {
  const { source, lists, time } = rig({ hold: 10_000 })
  source.find(['a'], 'gone')
  source.find([], 'gone')
  time.pass(9_999)
  t.same(lists, ['a'])
  time.pass(1)
  t.same(lists, ['a', ''])
  source.find(['b'], 'gone')
  t.same(lists, ['a', '', 'b'])
})

t.test('a part that failed, and endpoints beyond the bound, are faults beside the list', async t => {
  const { source, lists, log, discovery } = rig({ most: 2 })
  source.find(['a'], 'held', { kind: 'failed', message: 'no AAAA' })
  source.find(['a', 'b', 'c'])
  t.same(lists, ['a', 'a b'])
  t.same(log, ['no AAAA', 'more than 2 endpoints; the rest of them is left out'])
  t.equal(discovery.view().fault?.message, log[1])
  source.find(['a', 'b'])
  t.equal(discovery.view().fault, undefined)
})

t.test('after stop nothing is told, and no timer waits', async t => {
  const { source, lists, log, time, discovery } = rig()
  source.find(['a'], 'gone')
  source.find([], 'gone')
  source.fail('x')
  source.find(['a'], 'gone')
  const { listener } = source
  discovery.stop()
  listener?.found({ found: [], absence: 'gone' })
  listener?.failed({ kind: 'failed', message: 'y' })
  discovery.refuses('a:80')
  time.pass(1_000_000)
  t.same(lists, ['a'])
  t.same(log, ['x'])
  t.equal(time.timers, 0)
})

t.test('the view says how old the last answer is', async t => {
  const { source, time, discovery } = rig()
  t.equal(discovery.view().age, undefined)
  source.find(['a'])
  time.pass(7_000)
  source.fail('x')
  t.match(discovery.view(), { age: 7_000, fault: { message: 'x' } })
})
