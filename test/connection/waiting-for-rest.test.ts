import t from 'tap'
import { Agent } from 'node:http'
import { answer } from '../../testing/answer.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'
import { rigFor } from './setup.js'

// At the bound a request waits for a resting connection. It gets a connection, whatever happens to that one.

for (const found of ['by another request', 'by the sweep']) {
  t.test(`a connection that reaches its age while it rests makes room, found ${found}`, async t => {
    let now = 1_000
    const backend = await backendFor(t, answer)
    const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 }, pool: { maxConnectionAge: 20, pendingTimeout: 10_000 } }, () => now)
    await rig.send({ method: 'HEAD' }).over
    await rig.until(({ counts }) => counts.idle === 1)
    const waiting = [rig.send()]
    t.equal(rig.counts.pending, 1)
    // Past its maximum age, jitter included, and before its rest is over.
    now += 30
    if (found === 'by another request') waiting.push(rig.send())
    for (const { over } of waiting) t.match(await over, { status: 200, error: undefined })
    t.equal(backend.accepted, 2)
    t.strictSame(rig.reasons, ['max_age'])
  })
}

t.test('a connection that rests and is bound to a client makes room when it has rested', async t => {
  const backend = await backendFor(t, answer)
  const { url, target } = await gatewayFor(t, { routes: [{ upstream: backend.url, undiciOptions: { connections: 1 }, pool: { pendingTimeout: 10_000 } }] })
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  await request(url, { method: 'HEAD', headers: { authorization: 'NTLM TlRMTVNTUAADAAAA' }, agent })
  t.equal((await request(url)).status, 200)
  t.strictSame(target.snapshot().totals.closed, { evicted: 1 })
})
