import { setTimeout as wait } from 'node:timers/promises'
import { quick } from '../instruments/bounds.js'
import type { Row } from '../instruments/table.js'
import { EJECTION_TIME } from './ejection-time.js'
import type { Scenario } from './scenario.js'
import { openStage, RATE, type Story } from './stage.js'

const SECONDS = quick ? 2 : 10
const RETRY_AFTER = 1

export const errors: Scenario = {
  name: 'errors',
  title: `one of ten endpoints answers with errors, ${RATE} requests/s`,
  async run (bounds, started) {
    const plain = await openStage(started)
    await plain.struck.behave({ status: 500 })
    await wait(SECONDS * 1_000)
    await plain.struck.behave({ status: 200 })
    const relayed = await plain.story()
    const errors = relayed.sent.filter(({ status }) => status === 500)
    const own = relayed.sent.filter(({ status, code }) => status !== 200 && (status !== 500 || code !== undefined))
    bounds.hold('500s are relayed', errors.length > 0 && own.length === 0, relayed.listed(own))
    const out = relayed.changes.filter(({ to }) => to === 'ejected')
    bounds.hold('500s eject no endpoint', out.length === 0, out.map(({ address, cause }) => `${address}: ${cause}`).join('; '))
    bounds.hold('500s are not sent again', relayed.twice === 0)
    await plain.gateway.stop()

    const named = await openStage(started, { gateway: { ejection: { time: EJECTION_TIME, statuses: [503] } } })
    await named.struck.behave({ status: 503, retryAfter: RETRY_AFTER })
    const ejected = await named.until('ejected')
    await named.struck.behave({ status: 200 })
    const first = await named.answersSince(ejected)
    const story = await named.story()
    const after = first.ended - ejected
    bounds.hold('a 503 with Retry-After ejects for so long, where 503 is in ejection.statuses',
      after >= RETRY_AFTER * 900 && after <= RETRY_AFTER * 1_000 + 1_000, `${Math.round(after)} ms`)
    const late = story.failed().filter(one => one.began > ejected)
    bounds.hold('no 503 while it is ejected', late.length === 0, story.listed(late))
    const row = (what: string, { sent, changes, address }: Story): Row => ({
      what,
      requests: sent.length,
      '500s': sent.filter(({ status }) => status === 500).length,
      '503s': sent.filter(({ status }) => status === 503).length,
      'of the struck': changes.filter(change => change.address === address).map(({ to, cause }) => `${to} (${cause})`).join(', ')
    })
    return [row('500, no statuses', relayed), row('503, Retry-After 1', story)]
  }
}
