import { setTimeout as wait } from 'node:timers/promises'
import { EJECTION_TIME, holdReturn } from './ejection-time.js'
import type { Scenario } from './scenario.js'
import { openStage, RATE } from './stage.js'
import { epochMs } from './time.js'

export const resetting: Scenario = {
  name: 'resetting',
  title: `one of ten endpoints resets each request, ${RATE} requests/s; ejection.time ${EJECTION_TIME} ms`,
  async run (bounds, started) {
    const stage = await openStage(started, { gateway: { ejection: { time: EJECTION_TIME } } })
    const began = epochMs()
    await stage.struck.behave({ resets: true })
    const ejected = await stage.until('ejected') - began
    await wait(300)
    const healed = epochMs()
    await stage.struck.behave({ resets: false })
    const first = await stage.answersSince(healed)
    await wait(500)
    const story = await stage.story()
    story.holdLosses(bounds, 'resetting')
    const lateFailures = story.failed().filter(one => one.began > healed)
    bounds.hold('none fails after it answers again', lateFailures.length === 0, story.listed(lateFailures))
    const back = holdReturn(bounds, 'resetting', story, first)
    return [{ ...story.row('RST'), 'ejected after, ms': Math.round(ejected), 'back after its ejection, ms': back }]
  }
}
