import t, { type Test } from 'tap'
import { buildConnector } from 'undici'
import type { PoolOptions } from '../../src/options/option-types.js'
import { type Backend, type BackendConnection, startBackend } from '../../testing/backend.js'
import { type Rig, rigFor } from './setup.js'

const MANY = 40
const MOST = 3

/** A target that counts its dials under way. */
function countedRig (t: Test, url: string, pool: PoolOptions, clock?: () => number): { rig: Rig, most (): number, reset (): void } {
  const dial = buildConnector({})
  let now = 0
  let most = 0
  const connect: typeof dial = (options, callback) => {
    most = Math.max(most, ++now)
    dial(options, (...result) => {
      now--
      callback(...result)
    })
  }
  const rig = rigFor(t, url, { undiciOptions: { connect }, pool }, clock)
  return { rig, most: () => most, reset: () => { most = 0 } }
}

/** A backend that answers so many requests together, so that each gets its own connection. */
async function holding (t: Test, count: number): Promise<Backend> {
  const held: BackendConnection[] = []
  const backend = await startBackend((_request, connection) => {
    held.push(connection)
    if (held.length === count) for (const one of held.splice(0)) one.reply()
  })
  t.teardown(() => backend.close())
  return backend
}

async function sendMany (rig: Rig): Promise<void> {
  const answers = await Promise.all(Array.from({ length: MANY }, () => rig.send().over))
  const failed = answers.filter(({ status }) => status !== 200)
  if (failed.length > 0) throw new Error(`${failed.length} failed: ${failed[0]!.error?.code}`)
  await rig.until(({ counts }) => counts.active === 0)
}

t.test('after a restart that closes every pooled connection the dials at once stay within the limit', async t => {
  const backend = await holding(t, MANY)
  const { rig, most, reset } = countedRig(t, backend.url, { maxDials: MOST })
  await sendMany(rig)
  t.equal(rig.counts.idle, MANY)
  t.equal(most(), MOST)
  reset()
  for (const connection of backend.connections) connection.end()
  await rig.until(({ counts }) => counts.idle === 0)
  await sendMany(rig)
  t.equal(most(), MOST)
})

t.test('after a restart whose closes are found only by the next requests the dials at once stay within the limit', async t => {
  let restarted = false
  const held: BackendConnection[] = []
  const backend = await startBackend((request, connection) => {
    if (restarted && request.nth > 1) return connection.reset()
    held.push(connection)
    if (held.length === MANY) for (const one of held.splice(0)) one.reply()
  })
  t.teardown(() => backend.close())
  const { rig, most, reset } = countedRig(t, backend.url, { maxDials: MOST })
  await sendMany(rig)
  reset()
  restarted = true
  await sendMany(rig)
  t.equal(most(), MOST)
  t.ok(rig.retries.includes('stale') || rig.retries.includes('unwritten'), 'some were sent again')
})

t.test('when a backend comes back the dials at once stay within the limit', async t => {
  const backend = await holding(t, MANY)
  backend.refuse()
  const { rig, most } = countedRig(t, backend.url, { maxDials: MOST, connectRetry: 4_000 })
  const all = sendMany(rig)
  await rig.until(({ dialFailures }) => dialFailures.length >= 2 * MOST)
  await backend.listen()
  await all
  t.equal(most(), MOST)
  t.ok(rig.retries.every(kind => kind === 'connect'))
})

t.test('connections that were opened together reach their maximum age at different times', async t => {
  const backend = await holding(t, MANY)
  let now = 0
  const { rig } = countedRig(t, backend.url, { maxConnectionAge: 10_000, maxDials: MANY }, () => now)
  const worn = (): number => rig.reasons.filter(reason => reason === 'max_age').length
  await sendMany(rig)
  now = 8_999
  await sendMany(rig)
  t.equal(worn(), 0)
  now = 10_000
  await sendMany(rig)
  t.ok(worn() > 0 && worn() < MANY, `${worn()} of ${MANY} at the age that was asked for`)
})
