// Regression: node reports a write to a TLS socket late. Connections whose answer came before that were closed, as if their request had not
// been sent.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { rigFor } from '../connection/setup.js'
import { certificates } from '../../testing/certificates.js'

// In a thread of its own, so that it answers while this thread is still in its write.
const BACKEND = `
const { workerData, parentPort } = require('node:worker_threads')
const server = require('node:tls').createServer(workerData, socket => {
  socket.on('error', () => {}).on('data', () => socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok'))
})
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`

t.test('a connection over TLS is kept even if its backend answers at once', async t => {
  const { ca, server } = certificates()
  const worker = new Worker(BACKEND, { eval: true, workerData: { cert: server.cert, key: server.key } })
  t.teardown(() => worker.terminate())
  const [port] = await once(worker, 'message') as [number]
  const rig = rigFor(t, `https://localhost:${port}`, { undiciOptions: { connections: 16, connect: { ca } } })
  await Promise.all(Array.from({ length: 16 }, async () => {
    for (let n = 0; n < 60; n++) t.match(await rig.send(n % 2 === 0 ? {} : { method: 'POST', body: 'x' }).over, { status: 200, body: 'ok' })
  }))
  t.same(rig.reasons, [])
  await rig.target.destroy()
})
