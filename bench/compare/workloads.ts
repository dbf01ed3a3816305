import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificates } from '../../testing/certificates.js'
import type { Route } from './peers/serve.js'
import type { NginxSetup, RealNginx } from '../../testing/real-nginx.js'

/** What clients ask, and the backend that answers. */
export interface Workload {
  readonly name: string
  readonly title: string
  readonly backend: NginxSetup
  /** By which the targets are found. Default: one target for whatever comes. */
  readonly routes?: (backend: RealNginx) => Route[]
  /** All that are asked, in turns. */
  readonly paths: readonly string[]
  /** Bytes of a body to send, by POST. */
  readonly post?: number
  /** @default 64 */
  readonly clients?: number
  /** Lines of each request. */
  readonly headers?: readonly string[]
  /** Before the first request, in s: of each turn of its loop, Node accepts one connection, and under load its turns are long. */
  readonly connecting?: number
  /** Of a round, at least. */
  readonly seconds?: number
  /** At most, where they take long. */
  readonly rounds?: number
  /** Not in the quick form. */
  readonly fullOnly?: boolean
  /** Files that each process needs. */
  readonly openFiles?: number
  /** The same load on a Holdfast with one target and one route, beside the others. */
  readonly besideOne?: boolean
  /** With a log at info, which only some have. */
  readonly log?: boolean
}

const KILOBYTE = 1024
// With `{"id":"","pad":""}` around them, 512 bytes.
const PAD = 512 - 18
const TARGETS = 100
const ROUTES = 1000
const CLIENTS = 2000
const HEADER_LINES = 40

/** Scripts, and what the backends serve; gone with the process. */
export const directory = mkdtempSync(join(tmpdir(), 'bench-workloads-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))

for (const size of [16, 256]) writeFileSync(join(directory, `${size}k`), 'x'.repeat(size * KILOBYTE))

// `return` alone would answer before a body has come. A mirror reads it first; then comes the refusal to take a POST for a
// folder, which is turned into the answer. How much had come is said with it.
const LINES = `
    add_header X-Request-Length $request_length;
    location = /16k { alias ${directory}/16k; }
    location = /256k { alias ${directory}/256k; }
    location = /post/ { root ${directory}; client_body_buffer_size 128k; client_max_body_size 1m; mirror /mirrored; error_page 403 404 405 =200 /posted; }
    location = /mirrored { internal; return 204; }
    location = /posted { internal; return 200 '{"id":"","pad":"${'x'.repeat(PAD)}"}'; }
    location = /lines { ${Array.from({ length: HEADER_LINES }, (_, n) => `add_header X-Answer-${n} "${headerValue(n)}";`).join(' ')} add_header X-Answer-Question $http_x_question_${HEADER_LINES - 1}; return 200 '{"id":"","pad":"${'x'.repeat(PAD)}"}'; }
    open_file_cache max=10;
  `
const BACKEND: NginxSetup = { size: PAD, keepAliveRequests: 1_000_000_000, connections: 16_384, logs: false, lines: LINES }

export const WORKLOADS: readonly Workload[] = [
  { name: 'get', title: 'keep-alive GET, 0.5 kB', backend: BACKEND, paths: ['/'] },
  { name: 'get-16k', title: 'keep-alive GET, 16 kB', backend: BACKEND, paths: ['/16k'], fullOnly: true },
  { name: 'get-256k', title: 'keep-alive GET, 256 kB', backend: BACKEND, paths: ['/256k'] },
  { name: 'post-1k', title: 'POST of 1 kB', backend: BACKEND, paths: ['/post/'], post: KILOBYTE, fullOnly: true },
  { name: 'post-64k', title: 'POST of 64 kB', backend: BACKEND, paths: ['/post/'], post: 64 * KILOBYTE },
  { name: 'short-lived', title: 'clients that close after each request', backend: BACKEND, paths: ['/'], headers: ['Connection: close'] },
  { name: 'tls', title: 'backend with TLS', backend: { ...BACKEND, tls: certificates().server }, paths: ['/'] },
  { name: 'non-persistent', title: 'backend that closes after each response', backend: { ...BACKEND, keepAliveTimeout: '0' }, paths: ['/'] },
  {
    name: 'targets',
    title: `${TARGETS} targets`,
    backend: { ...BACKEND, ports: TARGETS },
    routes: ({ urls }) => urls.map((upstream, n) => ({ prefix: `/t${n}`, upstream })),
    paths: Array.from({ length: TARGETS }, (_, n) => `/t${n}/`),
    besideOne: true
  },
  {
    name: 'routes',
    title: '1 000 routes to one target',
    backend: BACKEND,
    routes: ({ url }) => Array.from({ length: ROUTES }, (_, n) => ({ prefix: `/r${n}`, upstream: url })),
    paths: Array.from({ length: ROUTES }, (_, n) => `/r${n}/`),
    besideOne: true
  },
  { name: 'clients', title: '2 000 clients', backend: BACKEND, paths: ['/'], clients: CLIENTS, connecting: 1.2, seconds: 1, rounds: 3, fullOnly: true, openFiles: 2 * CLIENTS + 200 },
  {
    name: 'headers',
    title: `${HEADER_LINES} header lines each way`,
    backend: BACKEND,
    paths: ['/lines'],
    headers: Array.from({ length: HEADER_LINES }, (_, n) => `X-Question-${n}: ${headerValue(n)}`),
    fullOnly: true
  },
  { name: 'logging', title: 'keep-alive GET, 0.5 kB, a log at info', backend: BACKEND, paths: ['/'], log: true }
]

/** Clients of which each waits for a time at random before its next request, as many as to make `rate` a second. */
export interface Pauses { readonly rate: number, readonly clients: number }

/** A script for wrk that asks what a workload asks; `pauses` is for a load that is not full. */
export function wrkScript ({ name, paths, post, clients = 0, connecting = 0 }: Workload, pauses?: Pauses): string {
  const file = join(directory, `${name}${pauses === undefined ? '' : '-pauses'}.lua`)
  writeFileSync(file, [
    post === undefined ? '' : `wrk.method = "POST"\nwrk.body = string.rep("x", ${post})\nwrk.headers["Content-Type"] = "application/octet-stream"`,
    `local paths, requests, nth = { ${paths.map((path) => `"${path}"`).join(', ')} }, {}, 0`,
    'init = function () for i, path in ipairs(paths) do requests[i] = wrk.format(nil, path) end end',
    'request = function () nth = nth % #requests + 1; return requests[nth] end',
    // In ms; exponential where they are pauses.
    pauses === undefined
      ? connecting === 0 ? '' : `local waiting = ${clients}\ndelay = function () waiting = waiting - 1; return waiting >= 0 and ${connecting * 1e3} or 0 end`
      : `delay = function () return math.floor(0.5 - math.log(1 - math.random()) * ${pauses.clients / pauses.rate * 1e3}) end`
  ].join('\n'))
  return file
}

/** As long as those that clients and servers send. */
function headerValue (n: number): string {
  return `value-${n}-${'abcdefghij'.repeat(3)}`
}
