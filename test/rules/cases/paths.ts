import type { Case } from '../case.js'
import { get } from './messages.js'

const API = { route: { prefix: '/api' } }

const forwarded = (path: string, to: string): Case =>
  ({ name: `${path} is asked for as ${to}`, options: API, client: get(path), sees: { status: 200 }, closed: false, backendSees: { paths: [to] } })

/** Not forwarded. The router or the rules choose the status. */
const refused = (path: string, status: number | readonly number[] = 400): Case =>
  ({ name: `${JSON.stringify(path)} is refused`, options: API, client: get(path), sees: { status }, backend: 'none' })

/** Either refused, or forwarded below the prefix. */
const held = (path: string, below: RegExp): Case => ({
  name: `${JSON.stringify(path)} does not leave its prefix`,
  options: { route: { prefix: '/api', rewritePrefix: '/inner' } },
  client: get(path),
  sees: { status: [200, 400, 404] },
  backend: request => `HTTP/1.1 ${below.test(request.path) ? '200 OK' : '500 Escaped'}\r\nContent-Length: 0\r\n\r\n`
})

export const cases: readonly Case[] = [
  forwarded('/api', '/'),
  forwarded('/api/', '/'),
  forwarded('/api/users', '/users'),
  forwarded('/api/users/', '/users/'),
  forwarded('/api/a%2fb', '/a%2fb'),
  forwarded('/api/a%2Fb%2f', '/a%2Fb%2f'),
  forwarded('/api/a%20b', '/a%20b'),
  forwarded('/api/%41%7e', '/%41%7e'),
  forwarded('/api/%c3%a9', '/%c3%a9'),
  forwarded('/api/a;b=c,d:e@f', '/a;b=c,d:e@f'),
  forwarded("/api/a!$&'()*+=~", "/a!$&'()*+=~"),
  forwarded('/api/a//b', '/a//b'),
  forwarded('/api/a%25b', '/a%25b'),
  forwarded('/api/.well-known/a', '/.well-known/a'),
  forwarded('/api/a..b', '/a..b'),
  forwarded('/api/...', '/...'),
  forwarded('/api/a?b=c&b=d&%61=%2F&e', '/a?b=c&b=d&%61=%2F&e'),
  forwarded('/api?a=b', '/?a=b'),
  forwarded('/api/a?', '/a?'),
  forwarded('/api/a?b=/../..', '/a?b=/../..'),
  forwarded('/api/a?b=%00', '/a?b=%00'),
  forwarded('/api/a?http://evil.test/', '/a?http://evil.test/'),
  forwarded('/api/a"<>^`{|}', '/a"<>^`{|}'),
  refused('/api/%00'),
  refused('/api/a%00b'),
  refused('/api/%'),
  refused('/api/%z'),
  refused('/api/%zz'),
  refused('/api/a%2'),
  refused('/api/%u0041'),
  refused('/api/%ff%fe'),
  refused('/api/%c0%ae%c0%ae/admin'),
  refused('/api/../admin', [400, 404]),
  refused('/api/..', [400, 404]),
  refused('/apix', 404),
  refused('/API/users', 404),
  refused('/', 404),
  refused('//api/users', [400, 404]),
  refused('/admin', 404),
  held('/api/%2e%2e/admin', /^\/inner/),
  held('/api/.%2e/admin', /^\/inner/),
  held('/api/..%2fadmin', /^\/inner(?!.*\.\.)/),
  held('/api/%2e%2e%2fadmin', /^\/inner(?!.*%2e%2e)/),
  held('/api/..%5cadmin', /^\/inner(?!.*\.\.)/),
  held('/api/x/../../admin', /^\/inner/),
  held('/api/x/..', /^\/inner/),
  held('/api/x\\..\\..\\admin', /^\/inner/),
  held('/api/\\evil.test/', /^\/inner/),
  held('/api/..;/admin', /^\/inner(?!.*\.\.;)/),
  held('/api/%252e%252e/admin', /^\/inner/),
  held('/api//evil.test/', /^\/inner/),
  held('/api///evil.test/', /^\/inner/),
  held('/api/./admin', /^\/inner/),
  {
    name: '//host does not choose the host',
    options: API,
    client: get('/api//evil.test/x'),
    sees: { status: [200, 400] },
    backendSees: { requests: [0, 1], lacks: [/host: evil/i] }
  },
  {
    name: 'no header chooses the host, or the path',
    options: API,
    client: get('/api/a', 'X-Forwarded-Host: evil.test', 'X-Host: evil.test', 'X-Original-URL: /admin', 'X-Rewrite-URL: /admin', 'Forwarded: host=evil.test'),
    sees: { status: 200 },
    closed: false,
    backendSees: { paths: ['/a'], headers: { host: /^127\.0\.0\.1:\d+$/ } }
  },
  ...['/health/live', '/health/ready', '/metrics', '/dashboard', '/admin', '/targets', '/gateway', '/favicon.ico'].map((path): Case =>
    ({ name: `${path} is not served unasked`, options: API, client: get(path), sees: { status: 404 }, closed: false, backend: 'none' })),
  { name: 'health is served where it is asked for', options: { ...API, gateway: { health: true } }, client: get('/health/live'), sees: { status: 200 }, closed: false, backend: 'none' }
]
