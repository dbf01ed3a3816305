import { setTimeout as wait } from 'node:timers/promises'
import { EJECTION_TIME } from './ejection-time.js'
import { startEndpointsGateway, type TimedChange } from './endpoints-gateway.js'
import { addresses, startFleet } from './fleet.js'
import { failuresOf, isFailed } from './outcomes.js'
import type { Scenario } from './scenario.js'
import { epochMs } from './time.js'
import { Traffic } from './traffic.js'

const ENDPOINTS = 10
const MAX_EJECTED = 0.5
const PER_SECOND = 300

export const limits: Scenario = {
  name: 'limits',
  title: `nine and ten of ${ENDPOINTS} endpoints reset each request, ${PER_SECOND} GETs/s; ejection.time ${EJECTION_TIME} ms`,
  async run (bounds, started) {
    const rows = []
    const hosts = addresses(ENDPOINTS)
    for (const broken of [ENDPOINTS - 1, ENDPOINTS]) {
      const fleet = started.add(await startFleet({ hosts }))
      const ejection = { time: EJECTION_TIME, maxEjected: MAX_EJECTED }
      const gateway = started.add(await startEndpointsGateway({ gateway: { ejection }, routes: [{ upstream: fleet.urls }] }))
      const traffic = new Traffic(gateway.url, PER_SECOND, () => ({}))
      await wait(500)
      await fleet.behave({ resets: true }, hosts.slice(0, broken))
      await wait(2_000)
      const healed = epochMs()
      await fleet.behave({ resets: false })
      await gateway.until(endpoints => endpoints.every(({ state }) => state === 'up'), EJECTION_TIME * 3 + 5_000)
      const back = epochMs() - healed
      const sent = await traffic.stop()
      const changes = await gateway.ask('changes', {})
      const most = mostEjected(changes)
      const what = `${broken} of ${ENDPOINTS}`
      bounds.hold(`${what}: at most ${MAX_EJECTED * ENDPOINTS} are ejected at a time`, most <= MAX_EJECTED * ENDPOINTS, String(most))
      if (broken < ENDPOINTS) {
        const sound = changes.filter(({ to, address }) => to === 'ejected' && address.startsWith(`${hosts.at(-1)}:`))
        const causes = sound.map(({ cause }) => cause)
        bounds.hold(`${what}: the one that serves is never ejected`, sound.length === 0 && most > 0, causes.join('; '))
      }
      const late = sent.filter(one => isFailed(one) && one.began > healed)
      bounds.hold(`${what}: none fails after they answer again`, late.length === 0, failuresOf(late))
      rows.push({
        broken: what,
        requests: sent.length,
        failed: sent.filter(isFailed).length,
        'most ejected at a time': most,
        ejections: changes.filter(({ to }) => to === 'ejected').length,
        'all are back after, ms': Math.round(back)
      })
      await gateway.stop()
      await fleet.stop()
    }
    return rows
  }
}

function mostEjected (changes: readonly TimedChange[]): number {
  const ejected = new Set<string>()
  let most = 0
  for (const { to, endpoint } of changes) {
    if (to === 'ejected') ejected.add(endpoint)
    else ejected.delete(endpoint)
    most = Math.max(most, ejected.size)
  }
  return most
}
