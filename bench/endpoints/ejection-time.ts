import type { Bounds } from '../instruments/bounds.js'
import { quick } from '../instruments/bounds.js'
import type { Story } from './stage.js'
import type { Sent } from './traffic.js'

/** `ejection.time` of the measurements, in ms: the default, or less where time is short. */
export const EJECTION_TIME = quick ? 2_000 : 10_000
// Its end is spread by 10 %, and a request has to come that probes.
const AT_MOST = EJECTION_TIME * 1.1 + 1_000

/** The endpoint was ejected once, and back when its ejection had lasted. @param first its first answer after that */
export function holdReturn (bounds: Bounds, name: string, story: Story, first: Sent): number {
  const ejections = story.changesTo('ejected')
  const after = first.ended - (ejections[0]?.at ?? NaN)
  bounds.hold(`${name}: it is ejected`, ejections.length > 0)
  bounds.hold(`${name}: it is back in rotation by ejection.time`, after <= AT_MOST, `${Math.round(after)} ms`)
  return Math.round(after)
}
