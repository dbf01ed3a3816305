// Bytes that a backend sends right after a response answer no request. The request that waits for the connection must not get them.
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import t from 'tap'
import { certificates } from '../../testing/certificates.js'
import { rigFor } from '../connection/setup.js'

const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'

function response (size: number): string {
  const head = (length: number): string => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`
  const length = size - head(size).length
  return head(length) + 'x'.repeat(size - head(length).length)
}

for (const [what, tls, size] of [['in the next read', false, 65_536], ['in the next TLS record', true, 16_384]] as const) {
  t.test(`bytes after a response, ${what}, do not answer the next request`, async t => {
    let connections = 0
    const serve = (socket: Socket): void => {
      const first = connections++ === 0
      socket.on('error', () => {})
      socket.once('data', () => {
        if (first) {
          socket.write(response(size) + POISON)
        }
        socket.on('data', () => {})
        if (!first) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood')
      })
    }
    const server = tls ? createTlsServer({ ...certificates().server }, serve) : createServer(serve)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => new Promise(resolve => server.close(resolve)))
    const { port } = server.address() as AddressInfo
    const rig = rigFor(t, `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, { undiciOptions: { connections: 1, ...tls && { connect: { rejectUnauthorized: false } } } })
    const first = rig.send()
    const second = rig.send()
    t.equal((await first.over).status, 200)
    t.match(await second.over, { status: 200, body: 'good' })
    await rig.until(({ counts }) => counts.active === 0)
    t.match(rig.reasons, ['unexpected_data'])
    await rig.target.destroy()
  })
}
