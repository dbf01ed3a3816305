import { connect, constants } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import t from 'tap'
import type { BackendScript } from '../../testing/backend.js'
import { request } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'

/** Authenticates connections, as IIS does: all later requests on a connection count as its user's. */
function integrated (scheme: string): BackendScript {
  const users = new Map<number, string>()
  return (asked, connection) => {
    const given = asked.header('authorization')?.split(' ')
    if (given?.[0] === scheme && given[1] !== 'hello') users.set(connection.id, given[1]!)
    const user = users.get(connection.id)
    if (user !== undefined || asked.path === '/open') return connection.reply({ body: user ?? 'nobody' })
    connection.reply({ status: 401, headers: [['WWW-Authenticate', 'Basic realm="a, b"'], ['WWW-Authenticate', given === undefined ? scheme : `${scheme} challenge`]], body: 'who' })
  }
}

for (const scheme of ['NTLM', 'Negotiate']) {
  t.test(`a connection that a client has authenticated by ${scheme} serves no other client, and ends with it`, async t => {
    const backend = await backendFor(t, integrated(scheme), { log: true })
    const { port, url, target } = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
    const alice = await clientFor(t, { port })
    const ask = async (credentials?: string, path = '/'): Promise<string> => {
      alice.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${credentials === undefined ? '' : `Authorization: ${scheme} ${credentials}\r\n`}\r\n`)
      const { status, body } = await alice.response()
      return `${status} ${body.toString()}`
    }
    t.equal(await ask(), '401 who')
    t.equal(await ask('hello'), '401 who')
    t.equal(await ask('alice'), '200 alice')
    t.equal(await ask(), '200 alice', 'her next request is on the same one')
    t.equal(backend.accepted, 1)
    for (let n = 0; n < 3; n++) t.equal((await request(url)).status, 401, 'another client is asked who it is')
    t.equal((await request(`${url}/open`)).body.toString(), 'nobody')
    t.equal(await ask(), '200 alice')
    t.equal(backend.log.at(-1)?.nth, 5)
    const first = backend.connections[0]!
    t.notOk(first.socket.destroyed)
    alice.destroy()
    await until(() => first.socket.destroyed)
    t.ok((target.snapshot().totals.closed.client_gone ?? 0) >= 1)
  })
}

t.test('a connection without authentication is shared, and an HTTP/2 session counts as a client\'s connection', async t => {
  const backend = await backendFor(t, integrated('NTLM'))
  const { port, target } = await gatewayFor(t, { fastify: { http2: true } as object, routes: [{ upstream: backend.url }] })
  const session = (): ClientHttp2Session => {
    const client = connect(`http://127.0.0.1:${port}`)
    t.teardown(() => client.destroy())
    return client
  }
  const ask = async (client: ClientHttp2Session, headers: Record<string, string>): Promise<string> => {
    const stream = client.request(headers)
    let status: unknown
    stream.on('response', head => { status = head[constants.HTTP2_HEADER_STATUS] })
    let body = ''
    for await (const chunk of stream) body += String(chunk)
    return `${String(status)} ${body}`
  }
  const [alice, bob] = [session(), session()]
  t.equal(await ask(alice, { ':path': '/', authorization: 'NTLM alice' }), '200 alice')
  t.equal(await ask(bob, { ':path': '/open' }), '200 nobody')
  t.equal(await ask(bob, { ':path': '/open', authorization: 'Basic ntlm' }), '200 nobody')
  t.equal(backend.accepted, 2, 'those of others are shared')
  t.equal(await ask(alice, { ':path': '/' }), '200 alice')
  alice.destroy()
  await until(() => backend.open === 1)
  t.equal(target.snapshot().connections.idle, 1)
})

t.test('at the bound a connection that belongs to a client makes room for another client', async t => {
  const backend = await backendFor(t, integrated('NTLM'))
  const { port, url, target } = await gatewayFor(t, { routes: [{ upstream: backend.url, undiciOptions: { connections: 1 } }] })
  const alice = await clientFor(t, { port })
  alice.write('GET / HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM alice\r\n\r\n')
  t.equal((await alice.response()).status, 200)
  t.equal((await request(`${url}/open`)).body.toString(), 'nobody')
  t.strictSame(target.snapshot().totals.closed, { evicted: 1 })
})

t.test('an authenticated connection without a client\'s connection, as of a dispatcher, serves no further request', async t => {
  const backend = await backendFor(t, integrated('NTLM'))
  const { target } = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  const ask = async (headers: Record<string, string>): Promise<string> => (await target.request({ origin: backend.url, path: '/open', method: 'GET', headers })).body.text()
  t.equal(await ask({ authorization: 'NTLM alice' }), 'alice')
  t.equal(await ask({}), 'nobody')
})
