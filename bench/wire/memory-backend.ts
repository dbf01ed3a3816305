import { type AddressInfo, createServer, type Socket } from 'node:net'

// The child process: a cheap backend on plain TCP. The path of a request tells it where to stop.

const BODY = 'x'.repeat(512)
const HEAD = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY.length}\r\n`
const WHOLE = `${HEAD}\r\n${BODY}`
const LARGE = 100_000_000
const PIECE = Buffer.alloc(65_536, 'x')
const WRITTEN_AHEAD = 8

const server = createServer({ noDelay: true }, socket => {
  let head = ''
  socket.on('error', () => {})
  socket.on('data', bytes => {
    head += bytes.toString('latin1')
    const end = head.indexOf('\r\n\r\n')
    if (end === -1) return
    const path = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP'))
    head = ''
    answer(socket, path)
  })
})

function answer (socket: Socket, path: string): void {
  switch (path) {
    case '/close':
      socket.end(`${HEAD}Connection: close\r\n\r\n${BODY}`)
      break
    case '/no-head':
      socket.removeAllListeners('data').resume()
      break
    case '/stuck':
      socket.pause()
      break
    case '/in-head':
      socket.write(HEAD)
      break
    case '/in-body':
      socket.write(`${HEAD}\r\n${BODY.slice(1)}`)
      break
    case '/large':
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`)
      // More than a paused receiver takes.
      for (let n = 0; n < WRITTEN_AHEAD; n++) socket.write(PIECE)
      break
    default:
      socket.write(WHOLE)
  }
}

server.listen(0, '127.0.0.1', () => process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
process.once('disconnect', () => process.exit())
