import { connect } from 'node:net'
import { connect as connectSecure } from 'node:tls'
import { getHeapStatistics } from 'node:v8'

// The child process: bare sockets with `onread` and one buffer for all of them, which have had an answer and stay. Their memory is the
// least that a connection can take. Arguments: the backend's port, and for TLS the authority that signed its certificate.

const BUFFER = Buffer.alloc(65_536)
const REQUEST = 'GET / HTTP/1.1\r\nHost: bench\r\nConnection: keep-alive\r\n\r\n'
const AT_ONCE = 4
const [, , port, ca] = process.argv
const open: unknown[] = []

process.on('message', ({ more }: { more: number }) => {
  openMore(more).then(() => process.send?.(count()), () => process.exit(1))
})
process.once('disconnect', () => process.exit())
process.send?.({ url: 'ready' })

async function openMore (more: number): Promise<void> {
  let left = more
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) await openOne()
  }))
}

async function openOne (): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const to = { port: Number(port), host: '127.0.0.1', onread: { buffer: BUFFER, callback: () => { resolve(); return true } } }
    const socket = ca === undefined ? connect(to) : connectSecure({ ...to, ca, servername: 'localhost' })
    socket.on('error', reject)
    socket.write(REQUEST)
    open.push(socket)
  })
}

/** Collects garbage first, as the gateway's process does. */
function count (): { heapUsed: number, heapResident: number } {
  const { gc } = globalThis as { gc?: () => void }
  for (let pass = 0; pass < 4; pass++) gc?.()
  return { heapUsed: process.memoryUsage().heapUsed, heapResident: getHeapStatistics().total_physical_size }
}
