import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

// The child processes of pending-fin.ts. `backend` closes each connection at a set time after its first bytes, and reports when. `load` has
// clients that send a byte and wait for one, back to back or at a rate.

/** The backend's report: for each connection, when its FIN was under way and when it had arrived, in us of the machine's clock. */
export type Stamps = Array<[id: number, before: number, after: number]>
/** An order for the load. `rate` is the requests a second of all clients; with 0 each client sends when it has its answer. */
export interface LoadOrder { readonly port: number, readonly clients: number, readonly rate: number, readonly ms: number }
/** The load's report: its latencies in us. */
export interface LoadResult { readonly answers: number, readonly p50: number, readonly p99: number }

/** A clock that all processes of the machine share, in us. */
export function machineMicroseconds (): number {
  return Number(process.hrtime.bigint() / 1_000n)
}

if (process.argv[2] === 'backend') backend(Number(process.argv[3]))
if (process.argv[2] === 'load') process.on('message', (order: LoadOrder) => { load(order).then(result => process.send?.(result), () => process.exit(1)) })
if (process.send !== undefined) process.once('disconnect', () => process.exit())

function backend (idleMs: number): void {
  const stamps: Stamps = []
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', bytes => {
      const id = Number(bytes.toString())
      setTimeout(() => {
        if (socket.destroyed) return
        const before = machineMicroseconds()
        // `destroy` closes at once, while `end` waits for a turn of the event loop. On loopback the FIN has arrived when `destroy` returns.
        socket.destroy()
        stamps.push([id, before, machineMicroseconds()])
      }, idleMs)
    })
  })
  server.listen(0, '127.0.0.1', () => process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
  process.on('message', () => process.send?.(stamps.splice(0)))
}

async function load ({ port, clients, rate, ms }: LoadOrder): Promise<LoadResult> {
  const latencies: number[] = []
  const sockets = await Promise.all(Array.from({ length: clients }, async () => await connected(port)))
  const sentAt = new Map<Socket, number>()
  const send = (socket: Socket): void => {
    sentAt.set(socket, machineMicroseconds())
    socket.write('.')
  }
  const free = [...sockets]
  for (const socket of sockets) {
    socket.on('data', () => {
      latencies.push(machineMicroseconds() - sentAt.get(socket)!)
      if (rate === 0) send(socket)
      else free.push(socket)
    })
  }
  if (rate === 0) for (const socket of sockets) send(socket)
  let timer: NodeJS.Timeout | undefined
  const next = (): void => {
    const socket = free.pop()
    if (socket !== undefined) send(socket)
    timer = setTimeout(next, -Math.log(1 - Math.random()) * 1000 / rate)
  }
  if (rate > 0) next()
  await new Promise(resolve => setTimeout(resolve, ms))
  clearTimeout(timer)
  for (const socket of sockets) socket.destroy()
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? NaN
  return { answers: latencies.length, p50: at(0.5), p99: at(0.99) }
}

async function connected (port: number): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket))
    socket.on('error', reject)
  })
}
