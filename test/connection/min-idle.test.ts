import t, { type Test } from 'tap'
import type { PoolOptions, UndiciOptions } from '../../src/options/option-types.js'
import { type RequestScript, startBackend } from '../../testing/backend.js'
import { type Rig, rigFor } from './setup.js'

/** Requests to /together are answered at once when so many are there: each has a connection of its own. */
function together (count: number): RequestScript {
  const held: Array<() => void> = []
  return ({ path }, connection) => {
    if (path !== '/together') return connection.reply()
    held.push(() => connection.reply())
    if (held.length === count) for (const reply of held.splice(0)) reply()
  }
}

/** A pool with so many idle connections, under a clock that stands still unless it is moved. */
async function idleFor (t: Test, count: number, pool: PoolOptions, undiciOptions: UndiciOptions = {}): Promise<{ rig: Rig, pass (ms: number): void, get (): Promise<number> }> {
  const backend = await startBackend(together(count))
  t.teardown(() => backend.close())
  let now = 1_000
  const rig = rigFor(t, backend.url, { pool, undiciOptions }, () => now)
  const settled = (): Promise<void> => rig.until(({ counts }) => counts.active === 0 && counts.connecting === 0)
  await Promise.all(Array.from({ length: count }, () => rig.send({ path: '/together' }).over))
  await settled()
  return {
    rig,
    pass: ms => { now += ms },
    async get () {
      await rig.send().over
      await settled()
      return rig.acquired.at(-1)!.id
    }
  }
}

t.test('with at most minIdle idle connections each request takes the one that has been idle longest', async t => {
  const { rig, pass, get } = await idleFor(t, 2, { minIdle: 2 })
  const taken: number[] = []
  for (let i = 0; i < 4; i++) {
    pass(500)
    taken.push(await get())
  }
  t.equal(new Set(taken.slice(0, 2)).size, 2, 'one after the other')
  t.same(taken.slice(2), taken.slice(0, 2))
  t.same(rig.closed, [])
})

t.test('so many stay warm under traffic that would leave all but one to age out', async t => {
  for (const [minIdle, opened] of [[0, 3], [2, 2]] as const) {
    const { rig, pass, get } = await idleFor(t, 2, { minIdle }, { keepAliveTimeout: 1_000 })
    for (let i = 0; i < 4; i++) {
      pass(450)
      await get()
    }
    await Promise.all([rig.send({ path: '/together' }).over, rig.send({ path: '/together' }).over])
    t.equal(rig.opened.length, opened, `minIdle: ${minIdle}`)
  }
})

t.test('with more than minIdle the most recently used one is taken', async t => {
  const { pass, get } = await idleFor(t, 3, { minIdle: 2 })
  pass(500)
  const recent = await get()
  pass(500)
  t.equal(await get(), recent)
})

t.test('a connection that has reached its limit is closed, however few there are', async t => {
  const { rig, pass, get } = await idleFor(t, 2, { minIdle: 2 }, { keepAliveTimeout: 1_000 })
  pass(1_000)
  await get()
  t.match(rig.closed, [{ reason: 'idle_limit' }, { reason: 'idle_limit' }])
  t.equal(rig.opened.length, 3)
})
