import { setTimeout as wait } from 'node:timers/promises'
import { EJECTION_TIME, holdReturn } from './ejection-time.js'
import type { Scenario } from './scenario.js'
import { openStage, RATE } from './stage.js'
import { epochMs } from './time.js'

const HEADERS_TIMEOUT = 1_000

/** @param vanishes whether dials have no answer either; else the system accepts connections for the frozen process */
function silent (name: string, title: string, vanishes: boolean): Scenario {
  return {
    name,
    title: `${title}, ${RATE} requests/s; headersTimeout ${HEADERS_TIMEOUT} ms, ejection.time ${EJECTION_TIME} ms`,
    async run (bounds, started) {
      const gateway = { ejection: { time: EJECTION_TIME }, undiciOptions: { headersTimeout: HEADERS_TIMEOUT } }
      const stage = await openStage(started, { gateway, backlog: 8 })
      const began = epochMs()
      if (vanishes) await stage.struck.vanish()
      else stage.struck.freeze()
      const ejected = await stage.until('ejected') - began
      await wait(300)
      const healed = epochMs()
      stage.struck.thaw()
      const first = await stage.answersSince(healed)
      await wait(500)
      const story = await stage.story()
      const failed = story.failed()
      const [ejection] = story.changesTo('ejected')
      const otherwise = failed.filter(one => !story.wasStruck(one) || one.began > (ejection?.at ?? 0))
      bounds.hold(`${name}: only what was sent there before its ejection fails`, otherwise.length === 0, story.listed(otherwise))
      bounds.hold(`${name}: no POST is executed twice`, story.twice === 0, String(story.twice))
      story.holdOthers(bounds, name)
      const back = holdReturn(bounds, name, story, first)
      const row = story.row(vanishes ? 'no packets' : 'SIGSTOP')
      return [{ ...row, 'ejected after, ms': Math.round(ejected), 'back after its ejection, ms': back }]
    }
  }
}

export const frozen = silent('frozen', 'SIGSTOP for one of ten endpoints', false)
export const blackHole = silent('black-hole', 'one of ten endpoints has gone from the network', true)
