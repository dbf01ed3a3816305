import t from 'tap'
import { FIRST_STEP, nextStep, type Following, type Outcome, type Step } from '../../src/discovery/kubernetes/step.js'

/** The steps, and the waits before them, that follow from outcomes; each comes a second after the wait before. */
function steps (outcomes: readonly Outcome[], random = 0): [Step, number][] {
  let following: Following = FIRST_STEP
  let now = 0
  return outcomes.map(outcome => {
    const next = nextStep(following, outcome, now += 1_000, random)
    following = next.following
    now += next.wait
    return [next.following.step, next.wait]
  })
}

const LISTED: Outcome = { type: 'listed', version: '7' }
const ENDED: Outcome = { type: 'watched', version: '9', lasted: 300_000 }
const FAILED: Outcome = { type: 'failed' }
const EXPIRED: Outcome = { type: 'expired' }
const NEWEST: Step = { type: 'list', version: '', paged: true }

t.test('a watch follows a list, and another watch follows from where it has ended', async t => {
  t.same(FIRST_STEP.step, { type: 'list', version: '0', paged: true })
  t.same(steps([LISTED, ENDED, { ...ENDED, version: '12' }]), [
    [{ type: 'watch', version: '7' }, 0], [{ type: 'watch', version: '9' }, 0], [{ type: 'watch', version: '12' }, 0]
  ])
})

t.test('failures are repeated after 0.8 to 30 s', async t => {
  t.same(steps(Array.from({ length: 8 }, () => FAILED)).map(([, wait]) => wait), [800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000, 15_000])
  t.same(
    steps(Array.from({ length: 8 }, () => FAILED), 0.999).map(([, wait]) => Math.round(wait / 100)), [16, 32, 64, 128, 256, 300, 300, 300]
  )
  t.same(steps([LISTED, { ...FAILED, version: '8' }, FAILED]).map(([step]) => step), [
    { type: 'watch', version: '7' }, { type: 'watch', version: '8' }, { type: 'watch', version: '8' }
  ], 'a watch is taken up where it failed')
  t.equal(steps([{ ...FAILED, retryAfter: 5_000 }])[0]![1], 5_000)
  t.equal(steps([{ ...FAILED, retryAfter: 3_600_000 }])[0]![1], 30_000)
})

t.test('failures are forgotten after two minutes without one', async t => {
  const failed = nextStep(nextStep(FIRST_STEP, FAILED, 0, 0).following, FAILED, 1_000, 0).following
  t.equal(nextStep(failed, FAILED, 121_001, 0).wait, 800)
  t.equal(nextStep(failed, FAILED, 120_000, 0).wait, 3_200)
})

t.test('a version that is too old needs a list of the newest one, at once; again and again, with pauses', async t => {
  t.same(
    steps([LISTED, EXPIRED, LISTED, EXPIRED, LISTED, EXPIRED]).filter(([step]) => step.type === 'list'),
    [[NEWEST, 0], [NEWEST, 800], [NEWEST, 1_600]]
  )
  t.same(steps([LISTED, EXPIRED, LISTED, ENDED, EXPIRED]).at(-1), [NEWEST, 0], 'but at once after a watch that has lasted')
  t.same(steps([LISTED, FAILED, EXPIRED]).at(-1), [NEWEST, 0], 'and after a watch that failed')
})

t.test('a list whose pages expire is asked for in one piece', async t => {
  t.same(
    steps([EXPIRED, EXPIRED]).map(([step]) => step),
    [{ type: 'list', version: '', paged: false }, { type: 'list', version: '', paged: false }]
  )
})

t.test('a refused token is read again at once, and then with pauses', async t => {
  const refused: Outcome = { type: 'unauthorized' }
  t.same(steps([refused, refused, refused]).map(([, wait]) => wait), [0, 800, 1_600])
  t.same(steps([refused, LISTED, refused]).map(([, wait]) => wait), [0, 0, 0], 'each time that it is replaced')
})

t.test('an error event other than 410 needs another list', async t => {
  t.same(steps([LISTED, { type: 'confused' }])[1], [NEWEST, 800])
})

t.test('watches that end at once are no busy loop', async t => {
  const brief: Outcome = { type: 'watched', version: '7', lasted: 5 }
  t.same(steps([LISTED, brief, brief, ENDED, brief]).map(([, wait]) => wait), [0, 800, 1_600, 0, 800])
})
