import { keepAliveClients } from './clients.js'

// The child process: its arguments are port, clients and seconds, and it sends the result.

const [port = 0, clients = 1, seconds = 1] = process.argv.slice(2).map(Number)
const outcomes = await keepAliveClients({ port, clients, requests: Infinity, signal: AbortSignal.timeout(seconds * 1000) })
process.send?.({ requests: outcomes.right, errors: outcomes.errors })
process.disconnect()
