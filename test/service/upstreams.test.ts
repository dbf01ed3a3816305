import { hostname, networkInterfaces } from 'node:os'
import t from 'tap'
import { EnvironmentError } from '../../src/service/environment-error.js'
import { readEnvironment } from '../../src/service/environment.js'
import { reaches } from '../../src/service/own-address.js'

function read (UPSTREAMS: string, variables: NodeJS.ProcessEnv = {}): ReturnType<typeof readEnvironment>['upstreams'] {
  return readEnvironment({ UPSTREAMS, ...variables }, 'there-is-no.env').upstreams
}

/** The message of the error; undefined where the value is taken. */
function refusal (UPSTREAMS: string, variables: NodeJS.ProcessEnv = {}): string | undefined {
  try {
    read(UPSTREAMS, variables)
    return undefined
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error
    return error.message
  }
}

const COMMAS = 'separate entries by commas'
const NO_PREFIX = 'has no prefix; write prefix=upstream, like /users=http://users:3000. Several backends of one prefix have a | between their URLs: /users=http://a:3000|http://b:3000'
const BRACKETS = 'has an IPv6 address without brackets; write it like http://[::1]:3000'
const SOCKET = 'has a socket whose path is not absolute, or not encoded; write each / of it as %2F, like unix+http://%2Frun%2Fusers.sock/'
const OTHER_SOCKET = 'has a socket that is written in another way; write it like unix+http://%2Frun%2Fusers.sock/'
const USER = 'has an upstream with a user or password in its URL, which would not be sent; leave them out'
const PLAIN = 'has a prefix that is no plain path; letters, digits and - . _ ~ may stand between its slashes, like /users'
const FILE = 'is the path of a file, and UPSTREAMS holds the entries themselves; give them like /users=http://users:3000'
const SCHEME = 'has a scheme that backends are not reached by; give http:, https:, ws:, wss:, or one of unix+http:, dns+http:, srv+http: and kubernetes+http: (or +https:)'
const PLACEHOLDER = 'has a placeholder that nothing has expanded; write its value'
const QUOTES = 'has quotes in it, and they are part of the value here; leave them out'
const PARAMETER = 'has a parameter in its prefix; only a file in routes/ can have one: give a path like /users'

/** An entry that is refused, why, and how it is shown where that is not as it is. */
const ENTRIES: readonly (readonly [entry: string, why: string, shown?: string])[] = [
  // Separators
  ['/a=http://a;/b=http://b', `has a semicolon in it; ${COMMAS}`],
  ['/a=http://a;', `has a semicolon in it; ${COMMAS}`],
  ['/a=http://a /b=http://b', `has a blank in it; ${COMMAS}`],
  ['/a http://a', `has a blank in it; ${COMMAS}`],
  ['/a=http://a\t/b=http://b', `has a blank in it; ${COMMAS}`],
  ['/a=http://a\n/b=http://b', `has a line break in it; ${COMMAS}`],
  // Taken from a shell, a compose file or a template
  ['"/a=http://a"', QUOTES],
  ['\'/a=http://a\'', QUOTES],
  ['/a="http://a"', QUOTES],
  ['/a=`http://a`', QUOTES],
  ['/a=$USERS_URL', PLACEHOLDER],
  ['/a=${USERS_URL}', PLACEHOLDER], // eslint-disable-line no-template-curly-in-string
  ['/a=http://$(USERS_HOST):3000', PLACEHOLDER],
  ['/a={{ .Values.users }}', PLACEHOLDER],
  ['/a=http://%USERS_HOST%:3000', PLACEHOLDER],
  ['/etc/holdfast/upstreams.json', FILE],
  ['./upstreams.yaml', FILE],
  ['~/upstreams', FILE],
  ['@upstreams', FILE, '***'],
  ['file:///etc/upstreams', FILE],
  ['upstreams.conf', FILE],
  // No entry
  ['http://b', NO_PREFIX],
  ['users', 'is no entry; give a prefix and its upstream, like /users=http://users:3000'],
  ['users:3000', 'is no entry; give a prefix and its upstream, like /users=http://users:3000'],
  ['/b', 'has no upstream; write prefix=upstream, like /users=http://users:3000'],
  ['/b:http://b', 'has no = between its prefix and its upstream; write it like /users=http://users:3000'],
  ['/b->http://b', 'has no = between its prefix and its upstream; write it like /users=http://users:3000'],
  ['/b==http://b', 'has more than a = between its prefix and its upstream; write it like /users=http://users:3000'],
  ['/b=>http://b', 'has more than a = between its prefix and its upstream; write it like /users=http://users:3000'],
  // The prefix
  ['=http://b:3000', 'has no prefix; write /=http://b:3000, or give a path in front of the ='],
  ['users=http://b:3000', 'has a prefix without a slash in front; write /users=http://b:3000'],
  ['users/=unix+http://%2Frun%2Fb.sock/', 'has a prefix without a slash in front; write /users/=http://users:3000'],
  ['us ers=http://b', `has a blank in it; ${COMMAS}`],
  ['^users=http://b', 'has a prefix that is no plain path; give one like /users'],
  ['api.example.com=http://b', 'has a host for its prefix; a request\'s path alone chooses the upstream: give a path, like /users'],
  ['users:3000=http://b', 'has a host for its prefix; a request\'s path alone chooses the upstream: give a path, like /users'],
  ['http://b:3000=/users', 'has its prefix and its upstream swapped; write the prefix first, like /users=http://users:3000'],
  ['http://gateway/b=http://b', 'has a URL for its prefix; a request\'s path alone chooses the upstream: give a path, like /users'],
  ['/users/*=http://b', 'has a wildcard in its prefix, and a prefix takes every path below it; leave the * out, like /users'],
  ['/*=http://b', 'has a wildcard in its prefix, and a prefix takes every path below it; leave the * out, like /'],
  ['/:id=http://b', PARAMETER],
  ['/{id}=http://b', PARAMETER],
  ['/%75sers=http://b', 'has a percent-encoded prefix; write it decoded: /users'],
  ['/a%2fb=http://b', 'has a percent-encoded prefix; write it decoded: /a/b'],
  ['/caf%C3%A9=http://b', PLAIN],
  ['/%zz=http://b', PLAIN],
  ['/a/../b=http://b', PLAIN],
  ['/a//b=http://b', PLAIN],
  ['/a?x=http://b', PLAIN, '/a?***'],
  // The upstream
  ['/b=', 'has no upstream; give a URL, like http://users:3000'],
  ['/b=/v2/b', 'has a path for its upstream; give a URL, like http://users:3000'],
  ['/b=users:3000', 'has an upstream without a scheme; write http://users:3000'],
  ['/b=users', 'has an upstream without a scheme; write http://users'],
  ['/b=//users:3000', 'has an upstream without a scheme; write http://users:3000'],
  ['/b=10.0.0.1:3000', 'has an upstream without a scheme; write http://10.0.0.1:3000'],
  ['/b=[::1]:3000', 'has an upstream without a scheme; write it like http://users:3000'],
  ['/b=http:users:3000', 'has no // behind its scheme; write it like http://users:3000'],
  ['/b=http:/users:3000', 'has no // behind its scheme; write it like http://users:3000'],
  ['/b=unix+http:/run/b.sock', 'has no // behind its scheme; write it like unix+http://%2Frun%2Fusers.sock/'],
  ['/b=http://http://users:3000', 'has a scheme twice; write it like http://users:3000'],
  ['/b=http://', 'has an upstream without a host; give one like http://users:3000'],
  ['/b=http:///users', 'has an upstream without a host; give one like http://users:3000'],
  ['/b=http://:3000', 'has an upstream without a host; give one like http://users:3000'],
  ['/b=http://us^ers', 'has an upstream that is no URL; give one like http://users:3000'],
  ['/b=ftp://users', SCHEME],
  ['/b=htpp://users', SCHEME],
  ['/b=h2c://users', SCHEME],
  ['/b=tcp://users:3000', SCHEME],
  ['/b=http://::1:3000', BRACKETS],
  ['/b=http://::1', BRACKETS],
  ['/b=http://fe80::1:3000/b', BRACKETS],
  ['/b=http://2001:db8:0:0:0:0:0:1', BRACKETS],
  ['/b=http://[::1', 'has an IPv6 address with one bracket; write it like http://[::1]:3000'],
  ['/b=http://[fe80::1%25eth0]:3000', 'has an IPv6 address with a zone, which no URL can have; give an address without one, or a host name'],
  ['/b=http://[:::1]:3000', 'has an upstream that is no URL; give one like http://users:3000'],
  ['/b=http://users:65536', 'has a port that is out of range; ports are 1 to 65535'],
  ['/b=http://users:0', 'has a port that is out of range; ports are 1 to 65535'],
  ['/b=http://[::1]:99999/x', 'has a port that is out of range; ports are 1 to 65535'],
  ['/b=http://users:http', 'has a port that is no number; ports are 1 to 65535'],
  ['/b=http://users:-1', 'has a port that is no number; ports are 1 to 65535'],
  ['/b=http://b?token=hush', 'has an upstream with a query or fragment; give only origin and path', '/b=http://b?***'],
  ['/b=http://b#hush', 'has an upstream with a query or fragment; give only origin and path', '/b=http://b#***'],
  // Several endpoints
  ['/a=http://a||http://b', 'has a | without a URL beside it; remove it, or write it like /users=http://a:3000|http://b:3000'],
  ['/a=|http://b', 'has a | without a URL beside it; remove it, or write it like /users=http://a:3000|http://b:3000'],
  ['/a=http://a|b', 'has an upstream without a scheme; write http://b'],
  ['/a=http://a|https://b', 'has URLs with TLS and URLs without it; give all of them the same scheme'],
  ['/a=http://a|wss://b', 'has URLs with TLS and URLs without it; give all of them the same scheme'],
  ['/a=http://a|http://A:80/', 'has an endpoint twice; leave one of them out'],
  ['/a=http://a/x|http://b', 'has URLs with different paths; give all of them the same path, which takes the place of the prefix'],
  ['/a=http://a|unix+http://%2Frun%2Fb.sock/', 'has a unix socket among several URLs; give http: or https: URLs, or the socket alone'],
  ['/a=http://a|dns+http://b', 'has a URL with discovery among several; give it alone, or the URLs of all endpoints'],
  ['/a=http://a|http://me:hush@b', USER, '/a=***'],
  // Discovery
  ['/a=dns+http://10.0.0.1', 'has an address in place of a name; write http://10.0.0.1'],
  ['/a=dns+http://b:http', 'has no port from 1 to 65535, but "http"; give one like dns+http://users.internal:3000'],
  ['/a=srv+http://b', 'is no name of SRV records; give one like srv+http://_http._tcp.users.internal'],
  ['/a=kubernetes+http://a.b.svc', 'is not service.namespace, without svc and the cluster\'s domain; give one like kubernetes+http://users.shop:http'],
  ['/a=dns+ws://b', SCHEME],
  ['/a=dns+http://b?token=hush', 'has an upstream with a query or fragment; give only origin and path', '/a=dns+http://b?***'],
  ['/a=dns+http://me:hush@b', USER, '/a=***'],
  // Passwords
  ['/b=http://me:hush@b', USER, '/b=***'],
  ['/b=http://hush@b', USER, '/b=***'],
  ['/b=http://@b', USER, '/b=***'],
  ['/b=http://me:hu/sh@b', 'has a port that is no number; ports are 1 to 65535', '/b=***'],
  ['/b=me:hush@b', 'has an upstream without a scheme; write it like http://users:3000', '/b=***'],
  // Sockets
  ['/b=unix+http:///run/b.sock', SOCKET],
  ['/b=unix+http://run/b.sock', SOCKET],
  ['/b=unix+http://b.sock/', SOCKET],
  ['/b=unix+http://%2Frun%2/', SOCKET],
  ['/b=unix:/run/b.sock', OTHER_SOCKET],
  ['/b=unix:///run/b.sock', OTHER_SOCKET],
  ['/b=http+unix://%2Frun%2Fb.sock/', OTHER_SOCKET],
  [`/b=unix+http://%2F${'x'.repeat(107)}/`, 'has a socket whose path is longer than 107 bytes; give a shorter one'],
  ['/b=unix+http://%2Frun%2Fb.sock/?token=hush', 'has an upstream with a query or fragment; give only origin and path', '/b=unix+http://%2Frun%2Fb.sock/?***']
]

t.test('each wrong entry of UPSTREAMS has its own line', async t => {
  for (const [entry, why, shown = entry] of ENTRIES) {
    t.equal(refusal(`/good=http://good,${entry}`), `UPSTREAMS: ${JSON.stringify(shown)} ${why}`, entry)
  }
})

t.test('a wrong list of UPSTREAMS has its own line', async t => {
  const lists: [string, string][] = [
    ['/a=http://a,', 'UPSTREAMS: ends with a comma; remove it, or add the entry that is missing'],
    ['/a=http://a, ', 'UPSTREAMS: ends with a comma; remove it, or add the entry that is missing'],
    [',/a=http://a', 'UPSTREAMS: begins with a comma; remove it, or add the entry that is missing'],
    [',', 'UPSTREAMS: begins with a comma; remove it, or add the entry that is missing'],
    ['/a=http://a,,/b=http://b', 'UPSTREAMS: has two commas in a row; remove one, or add the entry that is missing'],
    ['[{"prefix":"/a"}]', 'UPSTREAMS: is JSON; give prefix=upstream, separated by commas, like /users=http://users:3000,/=http://web:8080'],
    ['["/a=http://a"]', 'UPSTREAMS: is JSON; give prefix=upstream, separated by commas, like /users=http://users:3000,/=http://web:8080'],
    ['{ "/a": "http://a" }', 'UPSTREAMS: is JSON; give prefix=upstream, separated by commas, like /users=http://users:3000,/=http://web:8080'],
    ['/a=http://a,/a=http://b', 'UPSTREAMS: "/a" is there twice; for several backends, write one entry: /a=http://a:3000|http://b:3000'],
    ['/a=http://a,/a/=http://b', 'UPSTREAMS: "/a" is there twice; for several backends, write one entry: /a=http://a:3000|http://b:3000'],
    ['/a=http://a,/A=http://b', 'UPSTREAMS: "/A" is there as "/a" too, and requests are told apart by case; leave one of them out'],
    ['/a=http://a,http://b', `UPSTREAMS: "http://b" ${NO_PREFIX}`],
    ['/health/live=http://a', 'UPSTREAMS: "/health/live" is a path that the gateway answers itself; give the upstream another prefix'],
    ['/health/ready/=http://a', 'UPSTREAMS: "/health/ready" is a path that the gateway answers itself; give the upstream another prefix'],
    ['/health=http://a', 'UPSTREAMS: "/health" lies over /health/live and /health/ready, which the gateway answers itself; give the upstream another prefix']
  ]
  for (const [list, message] of lists) t.equal(refusal(list), message, list)
})

t.test('a password that has a comma is not shown either', async t => {
  for (const list of ['/a=http://me:hu,sh@a', '/a=http://me:1,/b=2@a', '/a=http://a,/b=http://me:hush@b,c']) {
    t.notMatch(refusal(list), /hu|sh|me:/, list)
  }
  t.match(refusal('/a=http://me:hu,sh@a'), 'UPSTREAMS: "/a=***" has a port that is no number')
})

t.test('a password behind an encoded @ is not shown either', async t => {
  t.match(refusal('/a=http://user%3Ahush%40a'), 'UPSTREAMS: "/a=***" has an upstream that is no URL')
})

t.test('a long entry is shown in part', async t => {
  t.equal(refusal(`/${'a'.repeat(10_000)}`)?.length, 'UPSTREAMS: ""...'.length + 200 + ' has no upstream; write prefix=upstream, like /users=http://users:3000'.length)
})

t.test('UPSTREAMS is a list of prefixes and upstreams', async t => {
  t.strictSame(read(' /users=http://users:3000 ,\n /v1/orders/ = https://orders/api, /=http://[::1]:3000, /healthz=http://a, /health/other=http://b '), [
    { prefix: '/users', upstream: 'http://users:3000', forWebSockets: false },
    { prefix: '/v1/orders', upstream: 'https://orders/api', forWebSockets: false },
    { prefix: '/', upstream: 'http://[::1]:3000', forWebSockets: false },
    { prefix: '/healthz', upstream: 'http://a', forWebSockets: false },
    { prefix: '/health/other', upstream: 'http://b', forWebSockets: false }
  ])
  t.strictSame(read('  '), [])
})

t.test('ws:, wss:, unix+http: and unix+https: are upstreams too, in either case', async t => {
  t.strictSame(read('/a=ws://a:3000,/b=wss://b,/c=unix+http://%2Frun%2Fc.sock/,/d=unix+https://%2frun%2Fd.sock/api,/e=WS://e,/f=HTTP://F,/g=UNIX+HTTP://%2Frun%2Fg.sock/'), [
    { prefix: '/a', upstream: 'http://a:3000', forWebSockets: true },
    { prefix: '/b', upstream: 'https://b', forWebSockets: true },
    { prefix: '/c', upstream: 'unix+http://%2Frun%2Fc.sock/', forWebSockets: false },
    { prefix: '/d', upstream: 'unix+https://%2frun%2Fd.sock/api', forWebSockets: false },
    { prefix: '/e', upstream: 'http://e', forWebSockets: true },
    { prefix: '/f', upstream: 'http://F', forWebSockets: false },
    { prefix: '/g', upstream: 'unix+http://%2Frun%2Fg.sock/', forWebSockets: false }
  ])
})

t.test('several endpoints have a | between their URLs, and one path', async t => {
  t.strictSame(read('/a=http://a:1|http://b:2,/b= HTTPS://a/api | https://[::1]:8443/api ,/c=ws://a/|http://b'), [
    { prefix: '/a', upstream: ['http://a:1', 'http://b:2'], forWebSockets: false },
    { prefix: '/b', upstream: ['https://a', 'https://[::1]:8443'], rewritePrefix: '/api', forWebSockets: false },
    { prefix: '/c', upstream: ['http://a', 'http://b'], forWebSockets: true }
  ])
})

t.test('endpoints that are discovered have a path too', async t => {
  t.strictSame(read('/a=dns+http://users:3000,/b=SRV+https://_https._tcp.users/,/c=kubernetes+http://users.shop:http/api'), [
    { prefix: '/a', upstream: 'dns+http://users:3000', forWebSockets: false },
    { prefix: '/b', upstream: 'srv+https://_https._tcp.users', forWebSockets: false },
    { prefix: '/c', upstream: 'kubernetes+http://users.shop:http', rewritePrefix: '/api', forWebSockets: false }
  ])
})

t.test('an @ in a path is no user', async t => {
  t.match(read('/a=http://a/@scope'), [{ upstream: 'http://a/@scope' }])
})

t.test('WEBSOCKET=false goes with no ws: URL', async t => {
  t.equal(refusal('/a=http://a,/b=wss://b', { WEBSOCKET: 'false' }),
    'WEBSOCKET: "false" switches WebSockets off, and UPSTREAMS has a ws: or wss: URL for /b; leave WEBSOCKET out, or write http: or https:')
  t.equal(refusal('/b=wss://b', { WEBSOCKET: 'true' }), undefined)
  t.equal(refusal('/a=http://a', { WEBSOCKET: 'false' }), undefined)
})

t.test('the gateway\'s own address is refused, on each of its ports', async t => {
  const own = (upstream: string, host = '127.0.0.1', port = '8080'): string =>
    `UPSTREAMS: "/a=${upstream}" is the gateway itself, which listens on ${host} with PORT=${port}; give the backend's address, or another PORT`
  for (const host of ['127.0.0.1:8080', 'localhost:8080', 'LOCALHOST.:8080', 'a.localhost:8080', '0.0.0.0:8080', '[::]:8080', '127.1:8080', '[::ffff:127.0.0.1]:8080']) {
    t.equal(refusal(`/a=http://${host}`), own(`http://${host}`))
  }
  t.equal(refusal('/a=ws://localhost:8080/chat'), own('http://localhost:8080/chat'))
  t.equal(refusal('/a=http://localhost', { PORT: '80' }), own('http://localhost', '127.0.0.1', '80'))
  t.equal(refusal('/a=https://localhost', { PORT: '443' }), own('https://localhost', '127.0.0.1', '443'))
  t.equal(refusal('/a=http://[::1]:8080', { HOST: 'localhost' }), own('http://[::1]:8080', 'localhost'))
  t.equal(refusal('/a=http://[::1]:8080', { HOST: '0:0:0:0:0:0:0:1' }), own('http://[::1]:8080', '0:0:0:0:0:0:0:1'))
  t.equal(refusal('/a=http://gateway:8080', { HOST: 'Gateway' }), own('http://gateway:8080', 'Gateway'))
  for (const address of Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address, family }) => family === 'IPv6' ? `[${address}]` : address))) {
    t.equal(refusal(`/a=http://${address}:8080`, { HOST: '::' }), own(`http://${address}:8080`, '::'))
  }
  t.equal(refusal(`/a=http://${hostname()}:8080`, { HOST: '0.0.0.0' }), own(`http://${hostname()}:8080`, '0.0.0.0'))
  t.equal(refusal('/a=http://127.0.0.1:9901', { ADMIN_PORT: '9901' }),
    'UPSTREAMS: "/a=http://127.0.0.1:9901" is the gateway\'s own admin surface, which listens on 127.0.0.1 with ADMIN_PORT=9901; give the backend\'s address, or another ADMIN_PORT')
})

t.test('the gateway\'s own address is refused among others, and behind a name', async t => {
  const own = 'is the gateway itself, which listens on 127.0.0.1 with PORT=8080; give the backend\'s address, or another PORT'
  t.equal(refusal('/a=http://10.0.0.9|http://localhost:8080'), `UPSTREAMS: "/a=http://localhost:8080" ${own}`)
  t.equal(refusal('/a=dns+http://localhost:8080'), `UPSTREAMS: "/a=dns+http://localhost:8080" ${own}`)
  t.equal(refusal('/a=http://10.0.0.9:8080|http://localhost:3000'), undefined)
  t.equal(refusal('/a=srv+http://_http._tcp.localhost,/b=kubernetes+http://localhost:8080'), undefined, 'what these stand for is not known')
})

t.test('another port or another machine is not the gateway', async t => {
  for (const [upstream, variables] of [
    ['http://localhost:3000', {}], ['http://localhost', {}], ['http://localhost:8080', { PORT: '0' }], ['http://10.0.0.9:8080', {}],
    ['http://users:8080', { HOST: '0.0.0.0' }], ['unix+http://%2Frun%2Fb.sock/', { PORT: '80' }], ['http://127.0.0.1:9901', { ADMIN_PORT: '0' }]
  ] as const) t.equal(refusal(`/a=${upstream}`, variables), undefined, upstream)
})

t.test('a host reaches a listener by each of the addresses of the machine', async t => {
  const machine = { name: 'box', addresses: ['127.0.0.1', '::1', '10.0.0.5', '2001:db8::5'] }
  const cases: [string, string, boolean][] = [
    ['10.0.0.5', '0.0.0.0', true], ['10.0.0.6', '0.0.0.0', false], ['127.0.0.9', '0.0.0.0', true], ['box', '0.0.0.0', true],
    ['2001:db8::5', '0.0.0.0', false], ['2001:db8::5', '::', true], ['10.0.0.5', '::', true], ['2001:db8::6', '::', false],
    ['10.0.0.5', '127.0.0.1', false], ['127.0.0.1', '10.0.0.5', false], ['10.0.0.5', '10.0.0.5', true], ['box', '10.0.0.5', true], ['10.0.0.5', 'box', true],
    ['box', '127.0.0.1', false], ['box', '::1', false], ['127.0.0.1', 'box', false], ['box', 'localhost', false], ['box', 'box', true], ['box', '::', true],
    ['users', '0.0.0.0', false], ['box', 'users', false]
  ]
  for (const [host, listening, expected] of cases) t.equal(reaches(host, listening, machine), expected, `${host} to ${listening}`)
})
