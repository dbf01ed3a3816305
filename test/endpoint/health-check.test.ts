import { connect } from 'node:net'
import type { Socket } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'
import { createDialer } from '../../src/connection/dial.js'
import type { Dialer } from '../../src/connection/dial.js'
import { checkEndpoint } from '../../src/endpoint/health-check.js'
import type { CheckResult, CheckTerms } from '../../src/endpoint/health-check.js'
import type { ConnectFunction, ConnectOptions } from '../../src/index.js'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import type { Backend, BackendConnection, BackendScript } from '../../testing/backend.js'
import { certificates } from '../../testing/certificates.js'
import { backendFor, until } from '../../testing/gateway.js'

type To = Pick<Backend, 'url'>

function dialerTo (url: string, connect: ConnectOptions | ConnectFunction = {}): Dialer {
  return createDialer(new URL(url), resolveTargetOptions({}, { undiciOptions: { connect } }).undiciOptions, () => performance.now())
}

function check ({ url }: To, terms: Partial<CheckTerms> = {}, dialer = dialerTo(url)): Promise<CheckResult> {
  return new Promise(resolve => {
    checkEndpoint(dialer, { origin: new URL(url), path: '/health', timeout: 5_000, status: '2xx', ...terms }, resolve)
  })
}

/** The result of a check of a backend that does this with its one request. */
async function checked (t: Test, script: BackendScript, terms: Partial<CheckTerms> = {}): Promise<CheckResult> {
  const backend = await backendFor(t, script)
  const result = await check(backend, terms)
  await backend.waitFor(({ open, accepted }) => accepted === 1 && open === 0)
  return result
}

const passed = { passed: true }
const failed = (cause: string): CheckResult => ({ passed: false, cause })

t.test('a check asks for its path with the origin\'s Host, and says that it closes', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply(), { log: true })
  const origin = new URL('http://users.internal:8080')
  t.strictSame(await check(backend, { origin, path: '/health?deep=1' }), passed)
  await backend.waitFor(({ open }) => open === 0)
  const asked = backend.log[0]!
  t.match(asked, { method: 'GET', path: '/health?deep=1' })
  t.strictSame(asked.rawHeaders.slice(0, 3), [['host', 'users.internal:8080'], ['connection', 'close'], ['user-agent', 'holdfast-health-check']])
  t.strictSame(backend.malformed, [])
})

t.test('the status decides, and a failed check names it', async t => {
  const status = (code: number): BackendScript => (_request, connection) => connection.reply({ status: code, body: 'text' })
  t.strictSame(await checked(t, status(204)), passed)
  t.strictSame(await checked(t, status(503)), failed('503'))
  t.strictSame(await checked(t, status(302)), failed('302'))
  t.strictSame(await checked(t, status(404), { status: '404' }), passed)
  t.strictSame(await checked(t, status(200), { status: '204' }), failed('200'))
  t.strictSame(await checked(t, status(304), { status: '3xx' }), passed)
})

t.test('interim responses before the final one do not count', async t => {
  t.strictSame(await checked(t, (_request, connection) => {
    connection.write('HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
    setImmediate(() => connection.reply())
  }), passed)
  t.strictSame(await checked(t, (_request, connection) => {
    connection.write('HTTP/1.1 103 Early Hints\r\n\r\n')
    connection.end()
  }), failed('the connection was closed without an answer'))
})

t.test('a head that comes byte by byte is read, and the result does not wait for the body', async t => {
  const backend = await backendFor(t, async (_request, connection) => {
    for (const byte of 'HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n') {
      connection.write(byte)
      await new Promise(setImmediate)
    }
  })
  t.strictSame(await check(backend), passed)
  t.equal(backend.open, 1, 'the rest of the response may come')
  backend.connections[0]!.write('abc')
  await backend.waitFor(({ open }) => open === 0)
})

t.test('a backend that goes on sending is not reset before its response is whole', async t => {
  const errors: Error[] = []
  t.strictSame(await checked(t, {
    onConnection: ({ socket }) => { socket.on('error', error => errors.push(error)) },
    onRequest: async (_request, connection) => {
      connection.write('HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n')
      for (let i = 0; i < 20; i++) {
        await new Promise(setImmediate)
        connection.write('x'.repeat(1_000))
      }
    }
  }), passed)
  t.strictSame(errors, [])
})

t.test('the connection closes after 64 KiB of an endless response', async t => {
  t.strictSame(await checked(t, (_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\n\r\n')
    const more = (): void => {
      if (connection.socket.destroyed) return
      connection.write('x'.repeat(10_000))
      setImmediate(more)
    }
    more()
  }), passed)
})

t.test('a response that stops after its head passes, and its connection closes at the timeout', async t => {
  t.strictSame(await checked(t, (_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n')
  }, { timeout: 300 }), passed)
})

t.test('a backend that closes, resets, or sends something else fails', async t => {
  t.strictSame(await checked(t, (_request, connection) => connection.end()), failed('the connection was closed without an answer'))
  t.strictSame(await checked(t, (_request, connection) => connection.reset()), failed('ECONNRESET'))
  t.strictSame(await checked(t, (_request, connection) => {
    connection.write('HTTP/1.1 200 O')
    connection.end()
  }), failed('the connection was closed without an answer'))
  t.strictSame(await checked(t, {
    onConnection: connection => connection.write('SSH-2.0-OpenSSH_9.2\r\n'),
    onRequest: () => {}
  }), failed('no valid HTTP response: the status line is not valid'))
  t.match(await checked(t, (_request, connection) => {
    connection.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n')
  }), { passed: false, cause: /^no valid HTTP response: / })
})

t.test('a silent backend fails at the timeout, also where it has begun its head', async t => {
  t.strictSame(await checked(t, () => {}, { timeout: 50 }), failed('no answer within 50 ms'))
  t.strictSame(await checked(t, (_request, connection) => connection.write('HTTP/1.1 2'), { timeout: 50 }), failed('no answer within 50 ms'))
})

t.test('a refused dial fails with its code', async t => {
  const backend = await backendFor(t, () => {})
  const { url } = backend
  await backend.close()
  t.strictSame(await check({ url }), failed('ECONNREFUSED'))
})

t.test('a dial that hangs is given up at the timeout', async t => {
  let abandoned = 0
  const dialer: Dialer = () => ({ abandon: () => { abandoned++ } })
  t.strictSame(await check({ url: 'http://users.internal' }, { timeout: 20 }, dialer), failed('no answer within 20 ms'))
  t.equal(abandoned, 1)
})

t.test('an endpoint is checked over TLS with the settings of its target', async t => {
  const { server, ca } = certificates()
  const backend = await backendFor(t, (_request, connection) => connection.reply({ body: 'x'.repeat(30_000) }), { tls: server })
  t.strictSame(await check(backend, {}, dialerTo(backend.url, { ca })), passed)
  await backend.waitFor(({ open }) => open === 0)
  t.match(await check(backend), { passed: false, cause: /^(SELF_SIGNED|UNABLE_TO|DEPTH_ZERO)/ })
  t.equal(backend.requests, 1)
})

t.test('a socket of a user\'s connect function is checked too', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply())
  const sockets: Socket[] = []
  const dial: ConnectFunction = (_options, callback) => {
    const socket = connect(backend.port, '127.0.0.1', () => callback(null, socket))
    sockets.push(socket)
  }
  t.strictSame(await check(backend, {}, dialerTo(backend.url, dial)), passed)
  await until(() => sockets[0]!.destroyed)
})

t.test('an aborted check closes its connection and tells nothing', async t => {
  const results: CheckResult[] = []
  const terms: CheckTerms = { origin: new URL('http://users.internal'), path: '/', timeout: 5_000, status: '2xx' }
  let answer: BackendConnection | undefined
  const backend = await backendFor(t, (_request, connection) => { answer = connection })
  const running = checkEndpoint(dialerTo(backend.url), terms, result => results.push(result))
  await backend.waitFor(({ requests }) => requests === 1)
  running.abort()
  answer!.reply()
  await backend.waitFor(({ open }) => open === 0)
  checkEndpoint(dialerTo(backend.url), terms, result => results.push(result)).abort()
  t.strictSame(await check(backend, { timeout: 30 }), failed('no answer within 30 ms'))
  t.strictSame(results, [])
})

t.test('a check that is aborted from within its result ends', async t => {
  const backend = await backendFor(t, (_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n')
  })
  const terms: CheckTerms = { origin: new URL(backend.url), path: '/', timeout: 60_000, status: '2xx' }
  const results: CheckResult[] = []
  const running = checkEndpoint(dialerTo(backend.url), terms, result => {
    results.push(result)
    running.abort()
  })
  await backend.waitFor(({ open, accepted }) => accepted === 1 && open === 0)
  t.strictSame(results, [passed])
})

t.test('many checks at once read their own responses', async t => {
  const backend = await backendFor(t, (request, connection) => {
    for (const byte of `HTTP/1.1 ${request.path.slice(1)} Text\r\nContent-Length: 0\r\n\r\n`) connection.write(byte)
  })
  const statuses = Array.from({ length: 50 }, (_none, i) => 200 + i * 4)
  const results = await Promise.all(statuses.map(status => check(backend, { path: `/${status}` })))
  t.strictSame(results, statuses.map(status => status < 300 ? passed : failed(String(status))))
})
