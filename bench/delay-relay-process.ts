import { monitorEventLoopDelay } from 'node:perf_hooks'
import { idleBackend, tcpBackend } from './delay-relay-backend.js'
import { type DelayRelay, startDelayRelay } from './delay-relay.js'
import type { RelayQuestion, RelayRecords, RelaysSetup } from './delay-relays.js'

// The child process: relays with their backends. Its setup comes as the one argument, and it answers over IPC.

const { delay, backends } = JSON.parse(process.argv[2] ?? '{}') as RelaysSetup
const lateness = monitorEventLoopDelay({ resolution: 1 })
lateness.enable()
const relays: DelayRelay[] = []
for (const backend of backends) relays.push(await startDelayRelay(delay, 'port' in backend ? tcpBackend(backend.port) : idleBackend(backend)))

process.on('message', ({ id, idleTimeout, indexes }: RelayQuestion) => {
  if (idleTimeout !== undefined) for (const backend of backends) if (!('port' in backend)) backend.idleTimeout = idleTimeout
  const asked = indexes === undefined ? relays : indexes.map((index) => relays[index]!)
  process.send?.({ id, answer: asked.map(({ accepted, arrivals, endings }): RelayRecords => ({ accepted, arrivals, endings })), mostLate: lateness.max / 1e6 })
})
process.once('disconnect', () => process.exit())
process.send?.({ urls: relays.map(({ url }) => url) })
