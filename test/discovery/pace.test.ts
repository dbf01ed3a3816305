import t from 'tap'
import { FIRST_PACE, nextPace, type PaceEvent } from '../../src/discovery/pace.js'

function waitAfter (ttl: number | undefined, refresh = 5_000, random = 0): number {
  return nextPace(FIRST_PACE, { type: 'answered', ttl }, refresh, random).wait
}

t.test('a name is asked again when its TTL has passed, and after refresh at the latest', async t => {
  t.equal(waitAfter(2_000), 2_000)
  t.equal(waitAfter(2_000, 5_000, 0.99), 2_198, 'a little later, but never before the TTL has passed')
  t.equal(waitAfter(300_000), 5_000)
  t.equal(waitAfter(300_000, 5_000, 0.99), 4_505, 'a little sooner')
  t.equal(waitAfter(undefined), 5_000)
  t.equal(waitAfter(4_900, 5_000, 0.99), 5_000)
})

t.test('a TTL of 0 is no busy loop', async t => {
  t.equal(waitAfter(0), 1_000)
  t.equal(waitAfter(0, 200), 200, 'a shorter refresh is obeyed')
})

t.test('after failures the pause doubles, up to refresh, and an answer ends that', async t => {
  let pace = FIRST_PACE
  const wait = (event: PaceEvent, refresh = 30_000): number => {
    const next = nextPace(pace, event, refresh, 0)
    pace = next.pace
    return next.wait
  }
  t.same(Array.from({ length: 7 }, () => wait({ type: 'failed' })), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  wait({ type: 'answered', ttl: undefined })
  t.equal(wait({ type: 'failed' }), 1_000)
  for (let n = 0; n < 5_000; n++) wait({ type: 'failed' })
  t.equal(wait({ type: 'failed' }), 30_000)
})
