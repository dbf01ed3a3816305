import t from 'tap'
import type { Test } from 'tap'
import { HoldfastError } from '../../src/index.js'
import { ask } from './ask.js'
import type { Asking } from './ask.js'
import { Clock } from './clock.js'
import { plainTargetFor, targetFor } from './rig.js'
import type { EndpointsRig, RigSettings } from './rig.js'
import { addressOf, Dialling, Held, backendsFor, connectedTo, kill } from './scripted.js'
import type { Backend } from '../../testing/backend.js'
import type { TargetOptions } from '../../src/index.js'

type Make = (t: Test, backend: Backend, options: TargetOptions, settings: RigSettings) => EndpointsRig

const KINDS: [kind: string, make: Make][] = [
  ['a plain URL', plainTargetFor],
  ['a list of one', (t, backend, options, settings) => targetFor(t, [backend], options, settings)]
]

const RETRY = { pool: { connectRetry: 1_000 } }

for (const [kind, make] of KINDS) {
  /** A target whose backend is dead, after a first request that has dialled for a second in vain. */
  const dead = async (t: Test, options: TargetOptions = RETRY) => {
    const [backend] = await backendsFor(t, 1)
    await kill(backend!)
    const clock = new Clock()
    const rig = make(t, backend!, options, { clock: clock.read })
    const first = ask(rig.target)
    await rig.events.until(() => rig.events.dialsFailed.length === 2)
    t.notOk(first.isOver, 'it is patient at first')
    clock.pass(1_000)
    t.match(await first.over, { code: 'HOLDFAST_ERR_CONNECT' })
    return { backend: backend!, clock, ...rig }
  }

  t.test(`${kind}: once dials were refused for a second, requests fail at once, without a dial`, async t => {
    const { target, events } = await dead(t)
    const before = events.dialsFailed.length
    for (let n = 0; n < 30; n++) {
      const asking = ask(target, { method: n % 2 === 0 ? 'GET' : 'POST' })
      t.ok(asking.isOver, 'within the same call')
      t.equal(asking.code, 'HOLDFAST_ERR_CONNECT')
      t.match(asking.error!.cause, { code: 'ECONNREFUSED' })
    }
    t.equal(events.dialsFailed.length, before)
    t.match(target.snapshot(), { connections: { connecting: 0, pending: 0 }, endpoints: [{ refusing: true, state: 'joining' }] })
  })

  t.test(`${kind}: in the first second each request dials, for connectRetry`, async t => {
    const [backend] = await backendsFor(t, 1)
    await kill(backend!)
    const clock = new Clock()
    const { target, events } = make(t, backend!, { pool: { connectRetry: 0 } }, { clock: clock.read })
    for (let n = 1; n <= 9; n++) {
      t.match(await ask(target).over, { code: 'HOLDFAST_ERR_CONNECT' })
      t.equal(events.dialsFailed.length, n)
      clock.pass(100)
    }
    await backend!.listen()
    t.match(await ask(target).over, { status: 200 })
  })

  t.test(`${kind}: while dials are refused, there is one probing dial each 250 ms, which all requests wait for`, async t => {
    const { target, events, clock } = await dead(t)
    for (let round = 0; round < 3; round++) {
      clock.pass(240)
      t.ok(ask(target).isOver, 'before its time')
      clock.pass(11)
      const before = events.dialsFailed.length
      const asked = Array.from({ length: 10 }, () => ask(target))
      t.notOk(asked.some(({ isOver }) => isOver))
      t.equal(target.snapshot().connections.connecting, 1)
      for (const { over } of asked) t.match(await over, { code: 'HOLDFAST_ERR_CONNECT' })
      t.equal(events.dialsFailed.length, before + 1)
    }
  })

  t.test(`${kind}: when it is back, the first request after a pause finds it, and those that wait with it are served`, async t => {
    const dialling = new Dialling()
    const { backend, target, events, clock } = await dead(t, { ...RETRY, undiciOptions: dialling.options })
    await backend.listen()
    t.ok(ask(target).isOver, 'no dial has found out yet')
    clock.pass(60_000)
    const socket = await connectedTo(backend)
    dialling.way(backend, 'hold')
    const asked = Array.from({ length: 10 }, () => ask(target))
    t.equal(target.snapshot().connections.connecting, 1)
    dialling.way(backend)
    // At once, since they wait 50 ms at most.
    dialling.held[0]!.give(socket)
    for (const { over } of asked) t.match(await over, { status: 200, code: undefined })
    t.match(target.snapshot().endpoints, [{ refusing: false, state: 'up' }])
    t.same(events.retries.filter(kind => kind !== 'connect'), [])
  })

  t.test(`${kind}: a request waits 30 ms at most for another one's probing dial that hangs`, async t => {
    const dialling = new Dialling()
    const { backend, target, clock } = await dead(t, { ...RETRY, undiciOptions: dialling.options })
    dialling.way(backend, 'hold')
    clock.pass(250)
    const probing = ask(target)
    const joined = ask(target)
    t.match(await joined.over, { code: 'HOLDFAST_ERR_CONNECT' })
    t.notOk(probing.isOver)
    clock.pass(50)
    t.ok(ask(target).isOver, 'after that there is no use in waiting')
    clock.pass(500)
    t.ok(ask(target).isOver, 'one probing dial at a time')
    t.equal(dialling.held.length, 1)
    await backend.listen()
    dialling.held[0]!.go()
    t.match(await probing.over, { status: 200 })
    t.match(await ask(target).over, { status: 200 })
  })

  t.test(`${kind}: requests that wait for another one's probing dial are refused with it`, async t => {
    const dialling = new Dialling()
    const { backend, target, clock } = await dead(t, { ...RETRY, undiciOptions: dialling.options })
    dialling.way(backend, 'hold')
    clock.pass(250)
    const asked = [ask(target), ask(target), ask(target)]
    t.notOk(asked.some(({ isOver }) => isOver))
    dialling.held[0]!.fail('ECONNREFUSED')
    t.match(await asked[0]!.over, { code: 'HOLDFAST_ERR_CONNECT' })
    t.ok(asked.every(({ isOver }) => isOver))
    t.match(target.snapshot().connections, { connecting: 0, pending: 0 })
  })

  t.test(`${kind}: requests that wait for a probing dial leave with their clients, and with their target`, async t => {
    const dialling = new Dialling()
    const { backend, target, clock } = await dead(t, { ...RETRY, undiciOptions: dialling.options })
    dialling.way(backend, 'hold')
    clock.pass(250)
    const probing = ask(target)
    const [gone, stays] = [ask(target), ask(target)] as [Asking, Asking]
    gone.abort(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
    probing.abort(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
    t.notOk(stays.isOver)
    target.destroy()
    t.match(await stays.over, { code: 'HOLDFAST_ERR_DRAINING' })
    t.notOk(gone.isOver || probing.isOver)
    t.match(target.snapshot().connections, { connecting: 0, pending: 0 })
  })

  t.test(`${kind}: a probing dial whose client has left does not hold up the next one`, async t => {
    const dialling = new Dialling()
    const { backend, target, clock } = await dead(t, { ...RETRY, undiciOptions: dialling.options })
    dialling.way(backend, 'hold')
    clock.pass(250)
    ask(target).abort(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
    t.equal(target.snapshot().connections.connecting, 0)
    t.ok(ask(target).isOver)
    clock.pass(250)
    const next = ask(target)
    t.notOk(next.isOver)
    await backend.listen()
    dialling.held.at(-1)!.go()
    t.match(await next.over, { status: 200 })
  })

  t.test(`${kind}: an endpoint that refuses dials serves on over the connections that it has`, async t => {
    const held = new Held()
    const [backend] = await backendsFor(t, 1, () => held.script)
    const clock = new Clock()
    const { target, events } = make(t, backend!, { pool: { connectRetry: 0 } }, { clock: clock.read })
    const first = ask(target)
    await backend!.waitFor(({ requests }) => requests === 1)
    backend!.refuse()
    t.match(await ask(target).over, { code: 'HOLDFAST_ERR_CONNECT' })
    t.match(events.dialsFailed, ['ECONNREFUSED'])
    held.answer()
    t.match(await first.over, { status: 200 })
    await events.until(() => target.snapshot().connections.idle === 1)
    const next = ask(target)
    await backend!.waitFor(({ requests }) => requests === 2)
    held.answer()
    t.match(await next.over, { status: 200 })
  })
}

t.test('a plain URL: an ejection by an operator ends with the first answer after its time', async t => {
  const [backend] = await backendsFor(t, 1)
  const clock = new Clock()
  const { target, events } = plainTargetFor(t, backend!, {}, { clock: clock.read })
  t.match(await ask(target).over, { status: 200 })
  target.endpoints.eject(addressOf(backend!), { ms: 1_000, cause: 'a test' })
  t.match(await ask(target).over, { status: 200 }, 'it is the last one, so ejection does not count')
  t.match(target.endpoints.list(), [{ state: 'ejected', cause: 'a test' }])
  clock.pass(1_001)
  t.match(await ask(target).over, { status: 200 })
  t.match(target.endpoints.list(), [{ state: 'up' }])
  t.same(events.of(), ['up -> ejected: a test', 'ejected -> up: after a test'])
})
