import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificates } from '../../testing/certificates.js'
import type { Route } from './peers/serve.js'
import type { NginxSetup, RealNginx } from '../../testing/real-nginx.js'

/** What clients ask for, and the backend that answers. */
export interface Workload {
  readonly name: string
  readonly title: string
  readonly backend: NginxSetup
  /** Prefixes of the targets. Default: one target for all paths. */
  readonly routes?: (backend: RealNginx) => Route[]
  /** The paths that clients ask for, in turns. */
  readonly paths: readonly string[]
  /** Bytes of a body to send by POST. */
  readonly post?: number
  /** @default 64 */
  readonly clients?: number
  /** Lines of each request. */
  readonly headers?: readonly string[]
  /** Before the first request, in s. Node accepts one connection in each turn of its event loop, and under load its turns are long. */
  readonly connecting?: number
  /** The least length of a round, in s. */
  readonly seconds?: number
  /** The most rounds, for a workload that takes long. */
  readonly rounds?: number
  /** Not in the quick form. */
  readonly fullOnly?: boolean
  /** Open files that each process needs. */
  readonly openFiles?: number
  /** Also measures a Holdfast with one target and one route under the same load. */
  readonly besideOne?: boolean
  /** With a log at level info, which only some gateways have. */
  readonly log?: boolean
}

const KILOBYTE = 1024
// 512 bytes with `{"id":"","pad":""}` around them.
const PAD = 512 - 18
const TARGETS = 100
const ROUTES = 1000
const CLIENTS = 2000
const HEADER_LINES = 40

/** wrk's scripts and the backends' files; deleted when the process ends. */
export const directory = mkdtempSync(join(tmpdir(), 'bench-workloads-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))

for (const size of [16, 256]) writeFileSync(join(directory, `${size}k`), 'x'.repeat(size * KILOBYTE))

// `return` alone would answer before the body has come. `mirror` reads the body first. nginx then refuses a POST to a folder, and the
// configuration turns that refusal into the answer, with the number of bytes received.
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

/** Clients that each wait for a random time before their next request; together they send `rate` requests a second. */
export interface Pauses { readonly rate: number, readonly clients: number }

/** A script for wrk with a workload's requests; `pauses` is for less than full load. */
export function wrkScript ({ name, paths, post, clients = 0, connecting = 0 }: Workload, pauses?: Pauses): string {
  const file = join(directory, `${name}${pauses === undefined ? '' : '-pauses'}.lua`)
  writeFileSync(file, [
    post === undefined ? '' : `wrk.method = "POST"\nwrk.body = string.rep("x", ${post})\nwrk.headers["Content-Type"] = "application/octet-stream"`,
    `local paths, requests, nth = { ${paths.map((path) => `"${path}"`).join(', ')} }, {}, 0`,
    'init = function () for i, path in ipairs(paths) do requests[i] = wrk.format(nil, path) end end',
    'request = function () nth = nth % #requests + 1; return requests[nth] end',
    // In ms; pauses are exponential.
    pauses === undefined
      ? connecting === 0 ? '' : `local waiting = ${clients}\ndelay = function () waiting = waiting - 1; return waiting >= 0 and ${connecting * 1e3} or 0 end`
      : `delay = function () return math.floor(0.5 - math.log(1 - math.random()) * ${pauses.clients / pauses.rate * 1e3}) end`
  ].join('\n'))
  return file
}

/** Header lines of usual length. */
function headerValue (n: number): string {
  return `value-${n}-${'abcdefghij'.repeat(3)}`
}
