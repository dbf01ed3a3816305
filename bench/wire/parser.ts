import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ResponseParser, ResponseReceiver } from '../../src/wire/http1/response-parser.js'
import { quick } from '../instruments/bounds.js'
import { compile } from '../instruments/compiled.js'
import { cpuPerCall, median } from '../instruments/cpu-time.js'
import { printTable } from '../instruments/table.js'

// What reading a response costs: a parser is taken, reads the bytes, and is released. It measures this version and, in turns, those in
// `npm run bench:parser -- <folder>...`: folders of other versions, compiled as bench/instruments/compiled.ts does.

type Parser = typeof ResponseParser

const ROUNDS = quick ? 5 : 15
const BYTES_A_ROUND = 100_000_000
const MOST_CALLS = 40_000
const READ = 65_536
const TERMS = { method: 'GET', upgrade: false, maxHeaderSize: 16_384, maxResponseSize: -1 }
const RECEIVER: ResponseReceiver = { informed () {}, responded () {}, data () {}, ended () {}, upgraded () {} }
const LINES = [
  'Server: nginx/1.22.1', 'Date: Tue, 15 Nov 1994 08:12:31 GMT', 'Content-Type: application/json; charset=utf-8', 'Connection: keep-alive', 'ETag: "33a64df551425fcc55e4d42a148795d9"', 'Cache-Control: max-age=0, no-cache', 'Vary: Accept-Encoding'
]
const BIG = 'x'.repeat(16_384)

/** Responses by name; a socket would need several reads for the large ones. */
const RESPONSES: ReadonlyMap<string, Buffer> = new Map([
  ['8 lines, 512 bytes', `Content-Length: 512\r\n\r\n${'x'.repeat(512)}`],
  ['8 lines, no body', 'Content-Length: 0\r\n\r\n'],
  ['8 lines, 16 kB', `Content-Length: ${BIG.length}\r\n\r\n${BIG}`],
  ['8 lines, 256 kB', `Content-Length: ${16 * BIG.length}\r\n\r\n${BIG.repeat(16)}`],
  ['40 lines, 512 bytes', `${Array.from({ length: 32 }, (_, i) => `X-Header-Number-${i}: a value of some bytes\r\n`).join('')}Content-Length: 512\r\n\r\n${'x'.repeat(512)}`],
  ['8 lines, a chunk of 512', `Transfer-Encoding: chunked\r\n\r\n200\r\n${'x'.repeat(512)}\r\n0\r\n\r\n`],
  ['8 lines, 64 chunks of 512', `Transfer-Encoding: chunked\r\n\r\n${`200\r\n${'x'.repeat(512)}\r\n`.repeat(64)}0\r\n\r\n`]
].map(([name, rest]) => [name!, Buffer.from(`HTTP/1.1 200 OK\r\n${LINES.join('\r\n')}\r\n${rest}`)]))

const folders = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
const versions = await Promise.all([dirname(dirname(compile())), ...folders].map(async folder => {
  const module = await import(pathToFileURL(join(folder, 'src/wire/http1/response-parser.js')).href) as { ResponseParser: Parser }
  return { name: folders.includes(folder) ? folder : 'this', parser: module.ResponseParser }
}))

const rows = [...RESPONSES].map(([name, bytes]) => {
  const reads = Array.from({ length: Math.ceil(bytes.length / READ) }, (_, i) => bytes.subarray(i * READ, (i + 1) * READ))
  const calls = Math.min(MOST_CALLS, Math.ceil(BYTES_A_ROUND / bytes.length))
  const costs = versions.map(() => [] as number[])
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, { parser }] of versions.entries()) {
      const cost = cpuPerCall(1, calls, () => readBy(parser, reads))
      // The first round warms up.
      if (round > 0) costs[i]!.push(cost)
    }
  }
  return { response: name, ...Object.fromEntries(versions.map(({ name }, i) => [name, Math.round(median(costs[i]!))])) }
})
printTable(`ns of CPU time a response, garbage included; medians of ${ROUNDS} rounds in turns`, rows)

function readBy (parser: Parser, reads: readonly Buffer[]): void {
  const reading = parser.take(RECEIVER, TERMS)
  for (const bytes of reads) reading.execute(bytes, bytes.length)
  if (!reading.over) throw new Error('the response is not whole')
  reading.release()
}
