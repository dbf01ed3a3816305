import Fastify from 'fastify'
import t from 'tap'
import health from '../../routes/health.js'
import { gateway } from '../../src/index.js'

t.test('live and ready answer where the route file is loaded, and nothing else does', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gateway)
  await app.register(health)
  for (const [url, status] of [['/health/live', 'live'], ['/health/ready', 'ready']] as const) {
    const { statusCode, body } = await app.inject(url)
    t.equal(statusCode, 200)
    t.match(JSON.parse(body), { status })
  }
  t.equal((await app.inject('/health')).statusCode, 404)
})
