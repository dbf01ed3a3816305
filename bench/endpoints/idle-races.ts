import { setTimeout as wait } from 'node:timers/promises'
import { quick } from '../instruments/bounds.js'
import type { Scenario } from './scenario.js'
import { openStage, RATE } from './stage.js'

const SECONDS = quick ? 5 : 60
const RACES = 0.05

export const idleRaces: Scenario = {
  name: 'idle-races',
  title: `${RACES * 100} % of the requests on reused connections of all ten endpoints meet an idle close, ${RATE} requests/s`,
  async run (bounds, started) {
    const stage = await openStage(started)
    await Promise.all([stage.steady, stage.struck].map(fleet => fleet.behave({ races: RACES })))
    await wait(SECONDS * 1_000)
    const counts = [...Object.values(await stage.steady.counts()), ...Object.values(await stage.struck.counts())]
    const raced = counts.reduce((sum, one) => sum + one.raced, 0)
    const story = await stage.story()
    const gets = story.failed('GET')
    const out = story.changes.filter(({ to }) => to !== 'joining' && to !== 'up')
    const beliefs = await stage.gateway.ask('beliefs', {})
    bounds.hold('no endpoint is ejected', out.length === 0, out.map(({ address, to, cause }) => `${address} ${to}: ${cause}`).join('; '))
    bounds.hold('no GET is lost', gets.length === 0, story.listed(gets))
    bounds.hold('no POST is executed twice', story.twice === 0, String(story.twice))
    bounds.hold('requests met closes', raced > 0)
    return [{ ...story.row(`${raced} races`), 'changes of persistence': beliefs.length }]
  }
}
