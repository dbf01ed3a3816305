import t from 'tap'
import { nextEvidence } from '../../src/target/idle-learning.js'
import { ESTIMATOR, NO_EVIDENCE, idleLimit, learnedLimit, outlivedAt, unsafeIdleLimit } from '../../src/target/idle-limit.js'
import type { IdleEvidence } from '../../src/target/idle-limit.js'

const SETTINGS = { keepAliveTimeout: 60_000, keepAliveMaxTimeout: 60_000, keepAliveTimeoutThreshold: 1_000 }
const ROUND_TRIP = 40

/** Evidence with a clock that the test sets. */
class Story {
  evidence: IdleEvidence = NO_EVIDENCE
  now = 0

  /** An idle close, well apart from others. */
  closed (idleMs: number, left = 0): this {
    this.now += 10_000
    this.evidence = nextEvidence(this.evidence, { type: 'closed', idleMs, left }, this.now)
    return this
  }

  /** Idle closes at about the same time, so many ms apart; `left` connections are open after the last. */
  closedAtOnce (idleTimes: number[], left = 0, apart = 1): this {
    this.now += 10_000
    idleTimes.forEach((idleMs, i) => {
      this.now += apart
      this.evidence = nextEvidence(this.evidence, { type: 'closed', idleMs, left: left + idleTimes.length - 1 - i }, this.now)
    })
    return this
  }

  /**
   * A connection that a request found closed. The request was answered on a fresh connection, and `others` that were idle for as long were
   * closed.
   */
  found (idleMs: number, others = 0): this {
    this.now += 10_000
    this.evidence = nextEvidence(this.evidence, { type: 'closed', idleMs, left: 0, found: true, others }, this.now)
    return this
  }

  doubted (idleMs: number): this {
    this.evidence = nextEvidence(this.evidence, { type: 'doubted', idleMs }, this.now)
    return this
  }

  survived (idleMs: number): this {
    this.evidence = nextEvidence(this.evidence, { type: 'survived', idleMs }, this.now)
    return this
  }

  /** A sentinel that became idle after all earlier events. */
  outlived (idleMs: number): this {
    this.now += idleMs + 1
    this.evidence = nextEvidence(this.evidence, { type: 'outlived', idleMs }, this.now)
    return this
  }

  get learned (): number | undefined { return learnedLimit(this.evidence, ROUND_TRIP) }
  get unsafe (): number { return unsafeIdleLimit(idleLimit(SETTINGS, undefined, this.learned), this.evidence, ROUND_TRIP) }
}

const story = (): Story => new Story()
const times = (n: number, idleMs: number): number[] => Array.from({ length: n }, () => idleMs)

t.test('without evidence nothing is learned', async t => {
  t.equal(story().learned, undefined)
  t.equal(outlivedAt(story().evidence), undefined)
})

t.test('one idle close is enough for a limit, and each one like it brings the limit closer', async t => {
  const one = story().closed(2_000).learned!
  const three = story().closed(2_000).closed(2_001).closed(2_002).learned!
  const many = times(16, 2_000).reduce((s, ms) => s.closed(ms), story()).learned!
  t.ok(one >= 1_600 && one < three && three < many, `${one} < ${three} < ${many}`)
  t.ok(many <= 2_000 - ROUND_TRIP - ESTIMATOR.leastMargin, 'never nearer than the way there and back and what a clock is late')
  t.ok(many >= 1_900)
})

t.test('the margin follows the spread', async t => {
  const sharp = [2_000, 2_001, 2_002, 2_003, 2_004, 2_005].reduce((s, ms) => s.closed(ms), story())
  const spread = [2_100, 2_900, 2_400, 2_700, 2_250, 2_600].reduce((s, ms) => s.closed(ms), story())
  t.ok(2_000 - sharp.learned! < 150)
  t.ok(2_100 - spread.learned! > 200, `${spread.learned} leaves room below the shortest seen`)
})

t.test('a longer round trip makes the limit shorter', async t => {
  const { evidence } = story().closed(2_000).closed(2_000)
  t.equal(learnedLimit(evidence, 0)! - learnedLimit(evidence, 100)!, 100)
  t.equal(learnedLimit(evidence, 500), learnedLimit(evidence, 9_999), 'and what looks like a very long way is a slow answer')
})

t.test('a close right after a response says nothing of idle times', async t => {
  t.equal(story().closed(ESTIMATOR.shortest - 1).learned, undefined)
})

t.test('a shorter close counts at once, whatever was known', async t => {
  const told = times(8, 2_000).reduce((s, ms) => s.closed(ms), story())
  t.ok(told.closed(1_500).learned! < 1_500)
  const fallen = times(8, 30_000).reduce((s, ms) => s.closed(ms), story()).closed(2_000)
  t.ok(fallen.learned! < 2_000 && fallen.learned! > 1_500, `${fallen.learned}`)
  t.ok(fallen.unsafe < 2_000 - ROUND_TRIP)
})

t.test('an outlier is forgotten once enough newer closes disagree', async t => {
  const story1 = times(16, 2_000).reduce((s, ms) => s.closed(ms), story().closed(2_000).closed(1_400))
  t.ok(story1.learned! > 1_850, `${story1.learned}`)
})

t.test('a sentinel that outlives all closes makes the limit unknown again, and its own close is the first of the new ones', async t => {
  const told = [2_000, 2_010, 2_020].reduce((s, ms) => s.closed(ms), story())
  const speaksUp = outlivedAt(told.evidence)!
  t.equal(speaksUp, 2_020 * ESTIMATOR.spread)
  told.outlived(speaksUp)
  t.equal(told.learned, undefined)
  told.closed(30_000)
  t.ok(told.learned! > 24_000 && told.learned! < 30_000, `${told.learned}`)
})

t.test('a backend that goes back to its habit before is recognised at once', async t => {
  const told = [2_000, 2_000, 2_000].reduce((s, ms) => s.closed(ms), story())
  const before = told.learned!
  told.outlived(3_000).closed(30_000).closed(30_000).closed(2_000)
  t.ok(told.learned! >= before, 'the closes that were known then count again')
  told.outlived(3_000)
  t.ok(told.learned! > 25_000, 'the other way round too')
  t.ok(told.unsafe < 2_000, 'though nothing is staked on it before it is seen')
  told.closed(30_000)
  t.ok(told.unsafe > 25_000)
})

t.test('a connection that was idle before a habit began does not contradict it', async t => {
  const told = story().closed(30_000).closed(30_000).closed(2_000)
  const { learned } = told
  told.now += 10
  told.evidence = nextEvidence(told.evidence, { type: 'outlived', idleMs: 25_000 }, told.now)
  t.equal(told.learned, learned)
  told.closed(30_000, 1)
  t.equal(told.learned, learned, 'nor its close')
})

t.test('where some connections are closed early and some late, the early ones rule, and each mistake makes the next one rarer', async t => {
  const told = story().closed(2_000).closed(2_000)
  const sentinels: number[] = []
  for (let n = 0; n < 5; n++) {
    let seen = 0
    do { told.outlived(3_100); seen++ } while (told.learned !== undefined && told.learned < 3_000 && seen < 100)
    sentinels.push(seen)
    told.closed(2_000)
    t.ok(told.learned! < 2_000)
  }
  t.strictSame(sentinels, [1, 2, 4, 8, 8])
})

t.test('one close at the early time begins the count of outlived sentinels anew', async t => {
  const told = story().closed(2_000).closed(2_000).outlived(3_100).closed(2_000).outlived(3_100)
  t.equal(told.evidence.needed, 2)
  told.closed(2_000).outlived(3_100)
  t.ok(told.learned! < 2_000, 'it takes two in a row')
  told.outlived(3_100)
  t.equal(told.learned, undefined)
})

t.test('all connections closed at once are no evidence', async t => {
  const told = story().closedAtOnce([300, 4_000, 9_000, 20_000])
  t.equal(told.learned, undefined)
  const same = story().closedAtOnce(times(10, 400))
  t.equal(same.learned, undefined, 'nor where they had become idle together')
  const known = [2_000, 2_000, 2_000].reduce((s, ms) => s.closed(ms), story())
  const { learned } = known
  known.closedAtOnce([150, 200, 900])
  t.equal(known.learned, learned, 'what was known before stands')
})

t.test('two events that close all at the same idle time are a habit', async t => {
  const told = story().closedAtOnce(times(4, 2_000)).closedAtOnce(times(3, 2_010))
  t.ok(told.learned! > 1_700 && told.learned! < 2_000, `${told.learned}`)
})

t.test('a restart is a rumour for requests that cannot be repeated, until a connection has outlived it', async t => {
  const told = story().survived(20_000).closedAtOnce([900, 800, 700])
  t.equal(told.unsafe, 350)
  told.survived(20_500)
  t.equal(told.unsafe, 10_250)
})

t.test('closes at one moment count as one where other connections stay open', async t => {
  const told = story().closedAtOnce([2_900, 2_500, 2_100], 2)
  t.ok(told.learned! < 2_100 && told.learned! > 1_700, `${told.learned}`)
  t.strictSame(told.evidence.closes, [2_100])
})

t.test('the close of a single connection counts, even in a restart, until the sentinel contradicts it', async t => {
  const told = [2_000, 2_000, 2_000].reduce((s, ms) => s.closed(ms), story()).closed(400)
  t.ok(told.learned! < 400)
  told.outlived(outlivedAt(told.evidence)!)
  t.ok(told.learned! > 1_800, 'then the habit before it is believed again')
})

t.test('requests that cannot be repeated keep a larger margin', async t => {
  t.equal(story().unsafe, 1_000 - ROUND_TRIP, 'there within a second where nothing is known')
  t.equal(story().survived(20_000).unsafe, 10_000, 'half of what was survived')
  const once = story().closed(2_000)
  t.equal(once.unsafe, once.learned! / 2, 'half of what was seen once')
  const told = [2_000, 2_000, 2_000, 2_000].reduce((s, ms) => s.closed(ms), story())
  const margin = 2_000 - ROUND_TRIP - told.learned!
  t.equal(told.unsafe, 2_000 - ROUND_TRIP - 2 * margin, 'two margins off what was seen more than once')
})

t.test('a slow restart is one event too', async t => {
  t.equal(story().closedAtOnce([158, 4_000, 250, 9_000, 20_000], 0, 90).learned, undefined)
  t.equal(story().closedAtOnce([50, 60, 80, 150, 90]).learned, undefined, 'and so is that of a busy pool')
  t.equal(story().closedAtOnce([208, 2_024, 2_026], 6).learned, undefined, 'and that of one server of three')
})

t.test('closes at one idle time and several moments are a timer, even where no connection stays open', async t => {
  t.ok(story().closedAtOnce([2_000, 2_000, 2_001, 2_000], 0, 20).learned! < 2_000)
  t.equal(story().closedAtOnce([2_000, 2_020, 2_041, 2_060], 0, 20).learned, undefined, 'while these were closed one after another, whatever their idle time')
})

t.test('a backend that goes back to a short habit and closes all idle connections at once is recognised', async t => {
  const told = story().closed(2_000).closed(2_000).outlived(3_000).closed(30_000).closed(30_000).closedAtOnce([2_000, 2_000, 2_001])
  t.ok(told.learned! < 2_000, `${told.learned}`)
})

t.test('an event ends after a while, even while a busy backend goes on closing', async t => {
  const told = story().closedAtOnce(times(100, 2_000), 5, 90)
  t.ok(told.evidence.closes.length >= 4, `${told.evidence.closes.length}`)
})

t.test('a close that was found at a reuse counts, unless other connections were closed with it', async t => {
  t.ok(story().found(2_000).learned! < 2_000)
  const crashed = story().found(5_000, 5)
  t.equal(crashed.learned, undefined)
  t.ok(crashed.found(5_100, 3).learned! < 5_000, 'until it happens again')
})

t.test('a loss that was not retried binds only requests that cannot be repeated, and not for ever', async t => {
  const told = story().closed(4_000).closed(4_000).closed(4_000).doubted(150)
  t.ok(told.learned! > 3_500)
  t.equal(told.unsafe, 75)
  told.doubted(900)
  t.equal(told.unsafe, 75, 'the shortest one counts')
  told.evidence = nextEvidence(told.evidence, { type: 'forgotten' }, told.now)
  t.ok(told.unsafe > 3_000)
})

t.test('an open sentinel proves little where every close was found at a reuse', async t => {
  const told = story().found(20_000).found(20_000)
  for (let n = 1; n < ESTIMATOR.mostNeeded; n++) t.ok(told.outlived(30_000).learned! < 20_000, `${n} silent ones`)
  t.equal(told.outlived(30_000).learned, undefined)
  t.equal(told.unsafe, 1_000 - ROUND_TRIP, 'and nothing is staked on it')
})

t.test('a habit cannot widen step by step without end', async t => {
  const told = story()
  for (const idleMs of [2_000, 2_900, 4_200, 6_200, 9_200, 13_700, 20_400, 30_400, 45_000, 54_000]) told.closed(idleMs)
  for (let n = 0; n < 20; n++) told.outlived(60_000)
  t.equal(told.learned, undefined)
})

t.test('a hint that was wrong once does not count again', async t => {
  const told = story().closed(2_000).outlived(3_100)
  const limit = idleLimit(SETTINGS, 30_000, told.learned)
  t.equal(limit.effective, 29_000)
  t.equal(unsafeIdleLimit(limit, told.evidence, ROUND_TRIP), 1_000 - ROUND_TRIP)
})

t.test('in any order of events, the limit can rise again', async t => {
  const told = story()
  let seed = 7
  const random = (): number => (seed = seed * 16_807 % 2_147_483_647) / 2_147_483_647
  for (let n = 0; n < 5_000; n++) {
    const idleMs = Math.round(100 * 600 ** random())
    told.now += Math.round(random() * 300)
    const event = random()
    const left = Math.floor(random() * 3)
    if (event < 0.4) told.evidence = nextEvidence(told.evidence, { type: 'closed', idleMs, left }, told.now)
    else told.evidence = nextEvidence(told.evidence, { type: event < 0.7 ? 'survived' : 'outlived', idleMs }, told.now)
    const { learned, unsafe, evidence: { closes, other, needed } } = told
    if (closes.length > ESTIMATOR.window || other.length > ESTIMATOR.window || needed > ESTIMATOR.mostNeeded) t.fail(JSON.stringify(told.evidence))
    if (learned !== undefined && !(learned >= ESTIMATOR.shortest / 2 && learned < Math.min(...closes))) t.fail(`learned ${learned}`)
    if (!(unsafe > 0 && unsafe <= Math.min(60_000, learned ?? Infinity))) t.fail(`unsafe ${unsafe}`)
  }
  for (let n = 0; n < 40; n++) told.closed(5_000, 1).outlived(4_900)
  for (let n = 0; n < 20; n++) told.outlived(Math.max(outlivedAt(told.evidence) ?? 0, 5_000)).closed(5_000)
  t.ok(told.learned! > 4_000 && told.learned! < 5_000, `${told.learned}`)
})
