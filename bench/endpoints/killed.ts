import { setTimeout as wait } from 'node:timers/promises'
import { quick } from '../instruments/bounds.js'
import type { Scenario } from './scenario.js'
import { openStage, RATE } from './stage.js'
import { epochMs } from './time.js'

const KILLS = quick ? 2 : 10
const GONE_MS = 1_500
// After its return, in ms.
const BACK_WITHIN = 2_000

export const killed: Scenario = {
  name: 'killed',
  title: `SIGKILL for one of ten endpoints, ${KILLS} times, ${RATE} requests/s, one of five a POST`,
  async run (bounds, started) {
    const stage = await openStage(started)
    const back: number[] = []
    for (let n = 0; n < KILLS; n++) {
      await stage.struck.kill()
      await wait(GONE_MS)
      await stage.struck.start()
      const listens = epochMs()
      back.push((await stage.answersSince(listens)).ended - listens)
      await wait(500)
    }
    const story = await stage.story()
    story.holdLosses(bounds, 'killed')
    const latest = Math.round(Math.max(...back))
    bounds.hold(`it is back in rotation within ${BACK_WITHIN} ms of its return`, latest <= BACK_WITHIN, `${latest} ms`)
    return [{ ...story.row('SIGKILL'), 'back after, ms': latest }]
  }
}
