import t from 'tap'
import type { Target } from '../../src/index.js'
import { internalsOf } from '../../src/target/target.js'
import { persistent } from '../../testing/behaviours.js'
import { backendFor } from '../../testing/gateway.js'
import { rigFor } from '../connection/setup.js'

type Has<Name extends string> = Name extends keyof Target ? true : false

t.test('what Holdfast itself does with a target is not in the public type', async t => {
  const call: Has<'call'> = false
  const claim: Has<'claim'> = false
  const release: Has<'release'> = false
  const quiet: Has<'quiet'> = false
  const snapshot: Has<'snapshot'> = true
  t.strictSame({ call, claim, release, quiet, snapshot }, { call: false, claim: false, release: false, quiet: false, snapshot: true })
})

t.test('nor is it on the object', async t => {
  const { target } = rigFor(t, 'http://127.0.0.1:1')
  const names = ['call', 'claim', 'release', 'quiet', 'pools', 'belief', 'tally']
  t.strictSame(names.filter(name => name in target), [])
  t.ok(names.every(name => name in internalsOf(target)))
})

t.test('every method and property works behind the Proxy that compose() makes', async t => {
  const backend = await backendFor(t, persistent())
  const { target } = rigFor(t, backend.url)
  const composed = target.compose(dispatch => dispatch) as unknown as Target
  t.equal(composed.name, target.name)
  t.equal(composed.origin, target.origin)
  t.equal(composed.options, target.options)
  t.notOk(composed.closed)
  t.notOk(composed.destroyed)
  const { body } = await composed.request({ method: 'GET', path: '/', origin: backend.url })
  await body.dump()
  t.equal(composed.snapshot().totals.requests, 1)
  t.equal(composed.connections().length, 1)
  composed.update({ pool: { maxPending: 7 } })
  t.equal(target.options.pool.maxPending, 7)
  composed.keepApart(new Set(['POST+']))
  t.ok(internalsOf(target).endpoints.only?.kept.apart.has('POST+'))
  t.equal(composed.evict(), 1)
  composed.setPersistence('non-persistent', 'a test says so')
  t.equal(composed.persistence, 'non-persistent')
  await composed.close()
  t.ok(target.closed)
  await composed.destroy()
  t.ok(target.destroyed)
})
