import t from 'tap'
import type { Test } from 'tap'
import { upgrade } from 'undici'
import { readGivenList } from '../../src/discovery/given-list.js'
import type { Target, TargetOptions } from '../../src/index.js'
import { startBackend } from '../../testing/backend.js'
import { outstanding, send } from './acts.js'
import { targetFor } from './rig.js'

/** A target of two backends, each of which agrees to upgrades, and answers other requests after it is released. */
async function rigFor (t: Test, options: TargetOptions): Promise<{ target: Target, release: (() => void)[] }> {
  const release: (() => void)[] = []
  const released = [0, 1].map(place => new Promise<void>(resolve => { release[place] = resolve }))
  const backends = await Promise.all([0, 1].map(place => startBackend(async (request, connection) => {
    if (request.header('upgrade') === undefined) {
      await released[place]
      return connection.reply({ body: 'ok' })
    }
    connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n')
    connection.takeOver()
    connection.socket.resume().on('end', () => connection.end())
  })))
  t.teardown(() => Promise.all(backends.map(backend => backend.close())))
  const plan = { kind: 'list', found: readGivenList(backends.map(({ url }) => url), 'upstream').found } as const
  return { target: targetFor(t, plan, options).target, release }
}

t.test('where each endpoint has as many tunnels as it may have, an upgrade is refused at once', async t => {
  const { target } = await rigFor(t, { pool: { maxUpgraded: 1 } })
  const tunnel = { dispatcher: target, protocol: 'chat' }
  const tunnels = [await upgrade(target.origin, tunnel), await upgrade(target.origin, tunnel)]
  t.same(target.snapshot().endpoints.map(({ connections }) => connections.upgraded), [1, 1])
  await t.rejects(upgrade(target.origin, tunnel), { code: 'HOLDFAST_ERR_TOO_MANY_UPGRADES' })
  t.same(outstanding(target), [1, 1])
  for (const { socket } of tunnels) socket.end()
  while (target.snapshot().connections.upgraded > 0) await new Promise(setImmediate)
  t.same(outstanding(target), [0, 0])
})

t.test('an upgrade that waits is sent when a tunnel ends', async t => {
  const { target, release } = await rigFor(t, { pool: { maxUpgraded: 1 }, undiciOptions: { connections: 1 } })
  const tunnel = { dispatcher: target, protocol: 'chat' }
  const { socket } = await upgrade(target.origin, tunnel)
  const [tunnelling] = target.snapshot().endpoints.map(({ connections }) => 1 - connections.upgraded)
  const responses = [send(target), send(target)]
  while (target.snapshot().connections.active < 2) await new Promise(setImmediate)
  const waiting = upgrade(target.origin, tunnel)
  while (target.snapshot().connections.pending < 1) await new Promise(setImmediate)
  // Now it has room for a connection and none for a tunnel, and the other endpoint has none for a connection.
  release[tunnelling!]!()
  await Promise.race(responses)
  t.match(target.snapshot().connections, { active: 1, pending: 1, upgraded: 1 })
  socket.end()
  const { socket: second } = await waiting
  second.destroy()
  release[1 - tunnelling!]!()
  t.same(await Promise.all(responses), [200, 200])
})
