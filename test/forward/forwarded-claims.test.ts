import t, { type Test } from 'tap'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'

const CLAIMS = ['X-Forwarded-Port: 443', 'X-Forwarded-Prefix: /admin', 'X-Forwarded-User: root', 'X-Forwarded-Client-Cert: Subject="CN=root"', 'X-Real-IP: 127.0.0.1']
const IMITATIONS = ['X_Forwarded_User: root', 'X_Real_IP: 127.0.0.1', 'Content_Length: 3', 'Transfer_Encoding: chunked']

async function arrived (t: Test, trustProxy: boolean | string, more: string[] = []): Promise<string[]> {
  const backend = await backendFor(t, (_request, connection) => connection.reply(), { log: true })
  const client = await clientFor(t, await gatewayFor(t, { routes: [{ upstream: backend.url }], fastify: { trustProxy } }))
  client.write(`GET / HTTP/1.1\r\nHost: a\r\n${[...CLAIMS, ...IMITATIONS, ...more].map(line => `${line}\r\n`).join('')}\r\n`)
  t.equal((await client.response()).status, 200)
  return backend.log[0]!.rawHeaders.map(([name, value]) => `${name}: ${value}`)
}

for (const trustProxy of [false, '192.0.2.1']) {
  t.test(`an untrusted client's claims of its origin are dropped: trustProxy ${trustProxy}`, async t => {
    const lines = await arrived(t, trustProxy, ['X-Forwarded-For: 203.0.113.9'])
    for (const line of [...CLAIMS, ...IMITATIONS]) t.notOk(lines.includes(line), line)
    t.ok(lines.includes('x-forwarded-for: 127.0.0.1'))
  })
}

for (const more of [[], ['X-Forwarded-For: 203.0.113.9']]) {
  t.test(`a trusted peer's claims are kept, with ${more.length === 0 ? 'no' : 'an'} X-Forwarded-For, and look-alike names are dropped`, async t => {
    const lines = await arrived(t, '127.0.0.1', [...more, 'Forwarded: for=203.0.113.9'])
    for (const line of CLAIMS) t.ok(lines.includes(line), line)
    for (const line of IMITATIONS) t.notOk(lines.includes(line), line)
    t.ok(lines.some(line => line.startsWith('forwarded: for=203.0.113.9, for=127.0.0.1;')), 'Forwarded is extended')
  })
}
