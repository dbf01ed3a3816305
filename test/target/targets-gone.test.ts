import { connect } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import { TargetRegistry } from '../../src/target/registry.js'
import { internalsOf } from '../../src/target/target.js'
import type { Target } from '../../src/index.js'
import { persistent } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'

setFlagsFromString('--expose_gc')
const collectGarbage = runInNewContext('gc') as () => void

t.test('nothing is left of a target that made way for another', async t => {
  const MOST = 4
  const ORIGINS = 60
  const backend = await backendFor(t, persistent())
  const { url, gateway } = await gatewayFor(t, {
    gateway: { maxDynamicTargets: MOST, admin: { port: 0 } },
    routes: [{
      upstream: '',
      undiciOptions: {
        connect: (_options, callback) => {
          const socket = connect(backend.port, '127.0.0.1', () => callback(null, socket))
          socket.on('error', error => callback(error, null))
          return socket
        }
      },
      replyOptions: { getUpstream: asked => `http://${String(asked.headers['x-to'])}.example` }
    }]
  })
  const targets: WeakRef<Target>[] = []
  for (let n = 0; n < ORIGINS; n++) {
    t.equal((await request(url, { headers: { 'x-to': `t${n}` } })).status, 200)
    targets.push(new WeakRef(gateway.targets.get(`http://t${n}.example`)!))
  }
  const alive = (): number => {
    collectGarbage()
    return targets.filter(target => target.deref() !== undefined).length
  }
  // The targets that exist, and the one that went last, whose end may still be reported.
  await until(() => alive() <= MOST + 1, `${MOST + 1} of ${ORIGINS} targets, not ${alive()}`)
})

t.test('a target that a request claims is not closed to make room for another target', async t => {
  const registry = new TargetRegistry({ maxDynamicTargets: 2, onObserverError: error => { throw error } })
  t.teardown(() => registry.destroy())
  const options = resolveTargetOptions({}, {})
  const claims = [{ place: 0, targetDestroyed: () => {} }, { place: 0, targetDestroyed: () => {} }] as const
  const at = (name: string): Target => registry.dynamic(new URL(`http://${name}.example`), options, '/')
  const first = at('a')
  internalsOf(first).claim(claims[0])
  at('b')
  at('c')
  t.notOk(first.closed, 'the least recently used one, but claimed')
  t.equal(registry.get('http://b.example'), undefined)
  const third = at('c')
  internalsOf(third).claim(claims[1])
  t.throws(() => at('d'), { code: 'HOLDFAST_ERR_TOO_MANY_TARGETS' })
  internalsOf(first).release(claims[0])
  at('d')
  t.ok(first.closed, 'until it is released')
  internalsOf(third).release(claims[1])
})
