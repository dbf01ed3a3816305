import { idleBackend, tcpBackend } from '../../testing/delay-relay-backend.js'
import { type DelayRelay, startDelayRelay } from '../../testing/delay-relay.js'
import type { RelayQuestion, RelayRecords, RelaysSetup } from './delay-relays.js'

// The child process: relays with their backends. Its setup is its one argument, and it answers over IPC.

const { delay, backends } = JSON.parse(process.argv[2] ?? '{}') as RelaysSetup
const relays: DelayRelay[] = []
for (const backend of backends) relays.push(await startDelayRelay(delay, 'port' in backend ? tcpBackend(backend.port) : idleBackend(backend)))

process.on('message', ({ id, change }: RelayQuestion) => {
  const backend = backends[change?.index ?? -1]
  if (change !== undefined && backend !== undefined && 'idleTimeout' in backend) backend.idleTimeout = change.idleTimeout
  const records = change === undefined ? relays.map(({ arrivals, endings }): RelayRecords => ({ arrivals, endings })) : []
  process.send?.({ id, records })
})
process.once('disconnect', () => process.exit())
process.send?.({ urls: relays.map(({ url }) => url) })
