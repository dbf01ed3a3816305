import type { AddressInfo } from 'node:net'
import t from 'tap'
import { buildApp } from '../../src/service/app.js'
import { readEnvironment } from '../../src/service/environment.js'
import { listen } from '../../src/service/listen.js'
import { backendFor } from '../../testing/gateway.js'

const TOKEN = '0123456789abcdef'
const NO_ADDRESS = 'is no address of this machine; give one of its addresses, or 0.0.0.0 for all of them'
const IN_USE = 'is in use already; stop the process that listens there, or give another port'

t.test('what cannot be listened on is named by its variable, and no client is served', async t => {
  const { port } = await backendFor(t, () => {})
  const cases: [NodeJS.ProcessEnv, string][] = [
    [{ PORT: String(port) }, `PORT: ${port} ${IN_USE}`],
    [{ ADMIN_PORT: String(port) }, `ADMIN_PORT: ${port} ${IN_USE}`],
    [{ HOST: '192.0.2.1' }, `HOST: "192.0.2.1" ${NO_ADDRESS}`],
    [{ ADMIN_PORT: '0', ADMIN_HOST: '192.0.2.1', ADMIN_TOKEN: TOKEN }, `ADMIN_HOST: "192.0.2.1" ${NO_ADDRESS}`],
    [{ HOST: 'no-such-host.invalid' }, 'HOST: "no-such-host.invalid" is a name that has no address; correct it, or give an address']
  ]
  for (const [variables, message] of cases) {
    const environment = readEnvironment({ PORT: '0', UPSTREAMS: '/a=http://127.0.0.1:9', ...variables }, 'there-is-no.env')
    const app = await buildApp(environment, { logger: false })
    const error: unknown = await listen(app, environment).catch((error: unknown) => error)
    // Without a name server, a name is not looked up at all.
    const told = (error as Error).message.replace('could not be looked up, since the name server does not answer; give an address', 'is a name that has no address; correct it, or give an address')
    t.match(error, { name: 'EnvironmentError' })
    t.equal(told, message)
    t.equal(app.server.listening, false)
    await app.close()
  }
})

t.test('an IPv6 address that may end with a port says so where it cannot be listened on', async t => {
  const cases: [NodeJS.ProcessEnv, string, string][] = [
    [{ HOST: '2001:db8::1:8080' }, 'HOST', '; if 8080 is a port: HOST=2001:db8::1 and PORT=8080'],
    [{ ADMIN_PORT: '0', ADMIN_HOST: '2001:db8::1:8080', ADMIN_TOKEN: TOKEN }, 'ADMIN_HOST', '; if 8080 is a port: ADMIN_HOST=2001:db8::1 and ADMIN_PORT=8080'],
    [{ HOST: '2001:db8::1' }, 'HOST', '']
  ]
  for (const [variables, name, addition] of cases) {
    const environment = readEnvironment({ PORT: '0', UPSTREAMS: '/a=http://127.0.0.1:9', ...variables }, 'there-is-no.env')
    const app = await buildApp(environment, { logger: false })
    const { message } = await listen(app, environment).then(() => new Error('it listens'), (error: unknown) => error as Error)
    t.ok(message.startsWith(`${name}: "${variables[name]}" is `), message)
    t.equal(message.includes('; if '), addition !== '')
    t.ok(message.endsWith(addition), message)
    await app.close()
  }
})

t.test('with both ports free it listens on both', async t => {
  const environment = readEnvironment({ PORT: '0', ADMIN_PORT: '0', UPSTREAMS: '/a=http://127.0.0.1:9' }, 'there-is-no.env')
  const app = await buildApp(environment, { logger: false })
  t.teardown(() => app.close())
  await listen(app, environment)
  t.ok((app.server.address() as AddressInfo).port > 0)
  t.match(app.gateway?.admin?.url, /^http:\/\/127\.0\.0\.1:\d+$/)
})
