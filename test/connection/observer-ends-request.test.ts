// An observer of an acquire, or of a close that makes room, may end the request that the connection is for, or the target, before the
// request is written.
import t from 'tap'
import { startBackend } from '../../testing/backend.js'
import { rigFor, type Rig } from './setup.js'

async function silentBackend (t: { teardown (fn: () => unknown): void }) {
  const backend = await startBackend(({ path }, connection) => { if (path === '/') connection.reply() })
  t.teardown(() => backend.close())
  return backend
}

for (const reused of [true, false]) {
  const which = reused ? 'an idle connection' : 'a fresh connection'

  t.test(`a request whose target is destroyed while ${which} is acquired for it fails, and is not sent`, async t => {
    const backend = await silentBackend(t)
    const rig = rigFor(t, backend.url)
    if (reused) await rig.send().over
    rig.registry.observe({ acquired: () => { rig.target.destroy(() => {}) } })
    t.match(await rig.send({ path: '/silent' }).over, { error: { code: 'HOLDFAST_ERR_DRAINING' }, finals: 1 })
    await backend.waitFor(({ open }) => open === 0)
    t.equal(backend.requests, reused ? 1 : 0)
    t.same(rig.counts, { active: 0, idle: 0, connecting: 0, pending: 0, upgraded: 0 })
    t.same(rig.reasons, ['drained'])
  })

  t.test(`a request that is abandoned while ${which} is acquired for it is not sent`, async t => {
    const backend = await silentBackend(t)
    const rig = rigFor(t, backend.url)
    if (reused) await rig.send().over
    let request: ReturnType<Rig['send']> | undefined
    let call: { abort (): void } | undefined
    rig.registry.observe({ acquired: () => { (request ?? call)?.abort() } })
    if (reused) {
      const ended = new Promise<Error>(resolve => {
        rig.target.dispatch({ method: 'GET', path: '/silent' }, {
          onConnect: (abort: () => void) => { call = { abort } }, onHeaders: () => true, onData: () => true, onComplete () {}, onError: resolve
        })
      })
      await ended
    } else {
      request = rig.send({ path: '/silent' })
      t.match(await request.over, { finals: 1 })
    }
    await rig.until(({ counts }) => counts.active === 0)
    t.equal(rig.counts.idle, 1, 'its connection is as good as before')
    t.match(await rig.send().over, { status: 200 })
    t.equal(backend.requests, reused ? 2 : 1)
  })
}

t.test('a request whose target is destroyed while an old connection makes room for it fails, and is not sent', async t => {
  const backend = await silentBackend(t)
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 } })
  await rig.send().over
  rig.target.keepApart(new Set(['GET']))
  rig.registry.observe({ closed: () => { rig.target.destroy(() => {}) } })
  t.match(await rig.send({ path: '/silent' }).over, { error: { code: 'HOLDFAST_ERR_DRAINING' }, finals: 1 })
  t.same(rig.counts, { active: 0, idle: 0, connecting: 0, pending: 0, upgraded: 0 })
  await backend.waitFor(({ open }) => open === 0)
  t.equal(backend.requests, 1)
})

t.test('a waiting request that is abandoned while an old connection makes room for it is not sent', async t => {
  const backend = await silentBackend(t)
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 } })
  rig.target.keepApart(new Set(['GET']))
  const first = rig.send()
  await rig.until(({ counts }) => counts.active === 1)
  const second = rig.send({ path: '/silent' })
  const third = rig.send()
  t.equal(rig.counts.pending, 2)
  rig.registry.observe({ closed: () => second.abort() })
  t.match(await first.over, { status: 200 })
  t.match(await second.over, { finals: 1 })
  t.match(await third.over, { status: 200 })
  await rig.until(({ counts }) => counts.active === 0)
  t.equal(backend.requests, 2)
})
