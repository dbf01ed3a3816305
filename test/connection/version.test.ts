import t from 'tap'
import { startBackend } from '../../testing/backend.js'
import { certificates } from '../../testing/certificates.js'
import { rigFor } from './setup.js'

t.test('HTTP/1.0 is recognised wherever its first bytes are split, over TCP and TLS', async t => {
  const { ca, server } = certificates()
  const line = 'HTTP/1.0 200 OK\r\n'
  for (const tls of [undefined, server]) {
    for (const split of [1, 4, 7, 8, 9]) {
      const backend = await startBackend(async (_request, connection) => {
        connection.write(line.slice(0, split))
        await new Promise(resolve => setTimeout(resolve, 5))
        connection.write(`${line.slice(split)}Content-Length: 2\r\n\r\nok`)
      }, tls === undefined ? {} : { tls })
      t.teardown(() => backend.close())
      const rig = rigFor(t, backend.url, { undiciOptions: { connect: { ca } } })
      t.match(await rig.send().over, { status: 200, body: 'ok', finals: 1 })
      await rig.until(({ closed }) => closed.length === 1)
      t.same(rig.reasons, ['connection_close'], `after ${split} bytes`)
    }
  }
})

t.test('HTTP/1.0 with keep-alive is kept, and so is HTTP/1.1 that says nothing', async t => {
  for (const head of ['HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n', 'HTTP/1.1 200 OK\r\n']) {
    const backend = await startBackend((_request, connection) => connection.write(`${head}Content-Length: 0\r\n\r\n`))
    t.teardown(() => backend.close())
    const rig = rigFor(t, backend.url)
    for (let i = 0; i < 2; i++) {
      t.match(await rig.send().over, { status: 200 })
      await rig.until(({ counts }) => counts.idle === 1)
    }
    t.equal(backend.accepted, 1)
  }
})
