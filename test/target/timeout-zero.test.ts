import t from 'tap'
import { idleLimit } from '../../src/target/idle-limit.js'
import { answer } from '../../testing/answer.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'

const SETTINGS = { keepAliveTimeout: 60_000, keepAliveMaxTimeout: 600_000, keepAliveTimeoutThreshold: 1_000 }

t.test('a Keep-Alive timeout of 0 is a hint of less than a second; connections are still reused', async t => {
  t.equal(idleLimit(SETTINGS, 0, undefined).effective, 500)
  // As node does with a keepAliveTimeout below 1 s.
  const backend = await backendFor(t, (asked, connection) => answer(asked, connection, { headers: { Connection: 'keep-alive', 'Keep-Alive': 'timeout=0' } }))
  const { url, target } = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  await request(url)
  t.match(target.snapshot().idleLimit, { hinted: 500, effective: 500 })
  t.equal(target.snapshot().connections.idle, 1)
  for (let n = 0; n < 5; n++) await request(url)
  t.equal(target.persistence, 'persistent')
})
