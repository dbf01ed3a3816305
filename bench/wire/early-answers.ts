import { parseArgs } from 'node:util'
import { certificates } from '../../testing/certificates.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { type EarlyBackend, earlyBackends } from './early-answers-backends.js'
import { type Upload, upload } from './early-answers-client.js'
import { startGateway } from '../instruments/gateway.js'
import { listed, printTable, type Row } from '../instruments/table.js'

// A backend may answer an upload that it does not read, with a 413, a 401, or the 200 of an app that does not need it. Some servers then
// read the rest. Others close, and the kernel sends an RST after the answer. This counts the answers that reach the client through
// Holdfast, to a persistent and to a non-persistent target. With --direct it counts them without Holdfast too, by what the request says in
// `Connection`, for a client that reads on after a failed write and for one that does not. Linux keeps received bytes when an RST comes, so
// a client that reads on loses nothing.

const { values } = parseArgs({ options: { quick: { type: 'boolean' }, uploads: { type: 'string' }, backends: { type: 'string' }, direct: { type: 'boolean', default: false } } })
const UPLOADS = Number(values.uploads ?? (quick ? 10 : 30))
const SIZES = [70_000, 300_000, 5_000_000]
const { ca } = certificates()
const MODES = { persistent: {}, 'non-persistent': { keepAliveTimeout: 0 } }

type Way = Omit<Upload, 'url' | 'bytes'>

const DIRECT: Record<string, Way> = {
  'keep-alive': { asks: 'keep-alive' },
  close: { asks: 'close' },
  'keep-alive, as Node': { asks: 'keep-alive', hasty: true },
  'close, as Node': { asks: 'close', hasty: true }
}

const rows: Row[] = []
const bounds = new Bounds()
for (const backend of earlyBackends().filter(({ name }) => name.includes(values.backends ?? ''))) await measure(backend)
printTable(`answers that came, of ${UPLOADS}${values.direct ? '; the last four without Holdfast, by what the request says in Connection' : ''}`, rows)
bounds.report()

async function measure (backend: EarlyBackend): Promise<void> {
  const { url, stop } = await backend.start()
  const found = SIZES.map((): Row => ({}))
  for (const [mode, undiciOptions] of Object.entries(MODES)) {
    const gateway = await startGateway({ upstream: url, proxy: { undiciOptions: { ...undiciOptions, connect: { ca } } } })
    const allLost: string[] = []
    for (const [n, bytes] of SIZES.entries()) {
      const { came, lost } = await count(backend, { url: gateway.url, bytes })
      found[n]![`Holdfast, ${mode}`] = came
      if (came < UPLOADS) allLost.push(`${size(bytes)}: ${listed(lost)}`)
    }
    bounds.hold(`${backend.name}, ${mode}: no answer is lost`, allLost.length === 0, allLost.join('; '))
    await gateway.stop()
  }
  if (values.direct) {
    for (const [name, way] of Object.entries(DIRECT)) {
      for (const [n, bytes] of SIZES.entries()) found[n]![name] = (await count(backend, { url, bytes, ca, ...way })).came
    }
  }
  await stop()
  rows.push(...SIZES.map((bytes, n) => ({ backend: backend.name, body: size(bytes), ...found[n] })))
}

/** One after another. */
async function count ({ status }: EarlyBackend, what: Upload): Promise<{ came: number, lost: Map<string, number> }> {
  const lost = new Map<string, number>()
  let came = 0
  for (let n = 0; n < UPLOADS; n++) {
    const answer = await upload(what).catch((error: NodeJS.ErrnoException) => error.code ?? error.message)
    if (answer.startsWith(`${status}`)) came++
    else lost.set(answer, (lost.get(answer) ?? 0) + 1)
  }
  return { came, lost }
}

function size (bytes: number): string {
  return bytes < 1e6 ? `${bytes / 1e3} kB` : `${bytes / 1e6} MB`
}
