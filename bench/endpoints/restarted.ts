import { setTimeout as wait } from 'node:timers/promises'
import { quick } from '../instruments/bounds.js'
import type { Scenario } from './scenario.js'
import { openStage, RATE } from './stage.js'
import { epochMs } from './time.js'

const RESTARTS = quick ? 2 : 10
const BACK_WITHIN = 2_000

export const restarted: Scenario = {
  name: 'restarted',
  title: `one of ten endpoints stops as Node servers do, and starts again, ${RESTARTS} times, ${RATE} requests/s`,
  async run (bounds, started) {
    const stage = await openStage(started)
    const back: number[] = []
    for (let n = 0; n < RESTARTS; n++) {
      // Its process goes on while requests come on connections that were in use when it closed the idle ones.
      const stopped = await Promise.race([stage.struck.terminate().then(() => true), wait(8_000, false)])
      if (!stopped) await stage.struck.kill()
      await stage.struck.start()
      const listens = epochMs()
      back.push((await stage.answersSince(listens)).ended - listens)
      await wait(500)
    }
    const story = await stage.story()
    story.holdLosses(bounds, 'restarted')
    const latest = Math.round(Math.max(...back))
    bounds.hold(`it is back in rotation within ${BACK_WITHIN} ms of its return`, latest <= BACK_WITHIN, `${latest} ms`)
    return [{ ...story.row('SIGTERM'), 'back after, ms': latest }]
  }
}
