import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { command } from '../../src/cli/probe.js'
import { UsageError } from '../../src/cli/usage-error.js'
import { startBackend, type BackendOptions, type BackendScript } from '../../testing/backend.js'
import { nginx, persistent } from '../../testing/behaviours.js'
import { certificates } from '../../testing/certificates.js'
import { program } from '../../testing/program.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

t.jobs = 3

interface Ended { readonly code: number | null, readonly stdout: string, readonly stderr: string }

function start (...args: string[]): { child: ChildProcess, ended: Promise<Ended> } {
  const child = spawn(process.execPath, [...program('src/cli/main'), 'probe', ...args], { cwd: ROOT, env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout!.on('data', (chunk: Buffer) => { stdout += chunk.toString() })
  child.stderr!.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
  return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr })) }
}

async function urlOf (t: { teardown (fn: () => unknown): void }, script: BackendScript, options: BackendOptions = {}): Promise<string> {
  const backend = await startBackend(script, options)
  t.teardown(() => backend.close())
  return backend.url
}

t.test('--json prints the report and nothing else, and exits with 0', async t => {
  const url = await urlOf(t, nginx({ keepAliveMs: 1_000, hint: 30, requests: 10 }), { tls: certificates().server })
  const ca = join(t.testdir({ 'ca.pem': certificates().ca }), 'ca.pem')
  const { code, stdout, stderr } = await start('--json', '--connections', '1', '--ca', ca, '--servername', 'localhost', `${url}/x?y#z`).ended
  t.same({ code, stderr }, { code: 0, stderr: '' })
  const report = JSON.parse(stdout) as Record<string, unknown>
  t.same(Object.keys(report), [
    'url', 'httpVersion', 'persistent', 'idleTimeoutMs', 'closesBy', 'requestsPerConnection', 'hint', 'headReuses', 'postReuses', 'viaStopsCompression', 'connectMs', 'tlsMs', 'tlsResumes', 'lies', 'recommended'
  ])
  t.match(report, { url: `${url}/x?y`, persistent: true, closesBy: 'fin', requestsPerConnection: 10, hint: { timeoutMs: 30_000, max: null }, postReuses: true, tlsMs: Number, tlsResumes: true })
})

t.test('Ctrl-C prints what is known, and exits with 130', async t => {
  const backend = await startBackend(persistent(), { log: true })
  t.teardown(() => backend.close())
  const { child, ended } = start('--connections', '2', '--requests', '5', '-H', 'X-Tenant: a', '--post-path', '/orders', backend.url.replace('http://', ''))
  await backend.waitFor(({ open, accepted }) => open === 2 && accepted === 7, 30_000)
  child.kill('SIGINT')
  const { code, stdout } = await ended
  t.equal(code, 130)
  t.match(stdout, /\(interrupted/)
  t.match(stdout, /keeps connections/)
  t.match(stdout, /interrupted\)\n/)
  t.ok(backend.log.every(request => request.header('x-tenant') === 'a'))
  t.same(backend.log.filter(({ method }) => method === 'POST').map(({ path }) => path), ['/orders'])
})

t.test('the endpoints of a list are measured one after another, with the path behind the last', async t => {
  const backends = await Promise.all([1, 30].map(hint => startBackend(nginx({ keepAliveMs: 300, hint }), { log: true })))
  t.teardown(() => Promise.all(backends.map(backend => backend.close())))
  const [first, second] = backends.map(({ url }) => url.replace('http://', ''))
  const args = ['--connections', '1', '--requests', '5', `${first}|${second}/a/path?query#z`]
  const [json, text] = await Promise.all([start('--json', ...args).ended, start(...args).ended])
  t.same({ code: json.code, stderr: json.stderr }, { code: 0, stderr: '' })
  const report = JSON.parse(json.stdout) as Record<string, unknown>
  t.same(Object.keys(report), ['origin', 'endpoints', 'differences', 'recommended'])
  t.match(report, {
    origin: `http://${first}`,
    endpoints: [{ address: first, report: { url: `http://${first}/a/path?query` } }, { address: second, report: { hint: { timeoutMs: 30_000 } } }],
    differences: [/^Keep-Alive header: /],
    recommended: { undiciOptions: { keepAliveTimeout: Number } }
  })
  t.equal(text.code, 0)
  t.match(text.stdout, 'What differs between the endpoints:\n')
  t.match(text.stdout, /Options of their route:\n\n.*\n +undiciOptions: \{ keepAliveTimeout: \d+ \}\n$/)
  for (const { log } of backends) t.ok(log.every(request => request.header('host') === first))
})

t.test('a name with discovery is resolved, and an endpoint that cannot be reached is 1', async t => {
  const backend = await startBackend(nginx({ keepAliveMs: 300 }), { log: true })
  t.teardown(() => backend.close())
  const named = await start('--json', '--connections', '1', '--requests', '5', `dns+http://localhost:${backend.port}/a`).ended
  const { endpoints } = JSON.parse(named.stdout) as { endpoints: { address: string }[] }
  t.ok(endpoints.some(({ address }) => address === `127.0.0.1:${backend.port}`), 'localhost may have an address of each family')
  t.ok(backend.log.some(({ path }) => path === '/a') && backend.log.every(request => request.header('host') === `localhost:${backend.port}`))
  const gone = await startBackend(persistent())
  await gone.close()
  const { code, stdout } = await start('--connections', '1', '--requests', '5', `${gone.url}|${backend.url}`).ended
  t.equal(code, 1)
  t.match(stdout, /^127\.0\.0\.1:\d+: The backend could not be reached \(ECONNREFUSED\)\n/)
  const unknown = await start('dns+http://nowhere.invalid').ended
  t.same({ code: unknown.code, stdout: unknown.stdout }, { code: 1, stdout: '' })
  t.match(unknown.stderr, /^holdfast probe: dns\+http:\/\/nowhere\.invalid: The backend's name could not be resolved \(.*\)\n$/)
})

t.test('a backend that cannot be reached: one line on stderr, nothing on stdout, 1', async t => {
  const backend = await startBackend(persistent())
  await backend.close()
  const { code, stdout, stderr } = await start('--json', backend.url).ended
  t.same({ code, stdout }, { code: 1, stdout: '' })
  t.match(stderr, /^holdfast probe: http:\/\/127\.0\.0\.1:\d+\/: The backend could not be reached \(.*ECONNREFUSED.*\)\n$/)
})

t.test('a backend that closes after each error that it answers cannot be measured: 1, with what is known; an unverified certificate is mentioned', async t => {
  const url = await urlOf(t, (_request, connection) => {
    connection.reply({ status: 500, headers: { Connection: 'close' } })
    connection.end()
  }, { tls: certificates().server })
  const { code, stdout, stderr } = await start('-k', url).ended
  t.equal(code, 1)
  t.match(stdout, /unknown: closes after the error 500/)
  t.match(stdout, /TLS handshake +TLSv1/)
  t.match(stderr, /^holdfast probe: --insecure: .*not verified\n$/)
})

t.test('a reader of stderr that has left is no error, and no POST is sent where none is wanted', async t => {
  const backend = await startBackend(nginx({ keepAliveMs: 400 }), { tls: certificates().server, log: true })
  t.teardown(() => backend.close())
  const { child, ended } = start('--insecure', '--no-post', '--connections', '1', '--requests', '2', backend.url)
  child.stderr!.destroy()
  const { code, stdout } = await ended
  t.equal(code, 0)
  t.match(stdout, /after POST +- +not tried/)
  t.ok(backend.log.every(({ method }) => method !== 'POST'))
})

t.test('wrong usage is one line on stderr, and 2', async t => {
  const wrong = await start('--max-wait', 'soon', 'localhost:1').ended
  t.same(wrong, { code: 2, stdout: '', stderr: 'holdfast: probe: --max-wait: "soon" is no duration; give 500ms, 65s or 2m, at most 24h\n' })
})

t.test('--help is 0', async t => {
  let printed = ''
  const { write } = process.stdout
  // Help is printed synchronously, so stdout is restored before anything else can write.
  process.stdout.write = (text: unknown): boolean => { printed += String(text); return true }
  const done = command(['--help'])
  process.stdout.write = write
  t.equal(await done, 0)
  t.match(printed, /^Usage: holdfast probe/)
  t.match(printed, /--post-path/)
})

t.test('each wrong usage is named', async t => {
  const file = join(t.testdir({ 'not.pem': 'hello' }), 'not.pem')
  const cases: Record<string, string[]> = {
    'no URL': [],
    'two URLs': ['http://a/', 'http://b/'],
    'no such URL': ['http://'],
    'a port that is none': ['localhost:99999'],
    'another scheme': ['ftp://localhost/'],
    'user and password': ['http://a:b@localhost/'],
    'an unknown option': ['--wait', '5', 'localhost:1'],
    'an option without its value': ['localhost:1', '--max-wait'],
    'a count that is none': ['--connections', '0', 'localhost:1'],
    'a count beyond the bound': ['--connections', '100000', 'localhost:1'],
    'a negative count': ['--requests=-1', 'localhost:1'],
    'no time at all': ['--timeout', '0', 'localhost:1'],
    'a header without a colon': ['-H', 'X-Tenant', 'localhost:1'],
    'a header of two lines': ['-H', 'X: a\r\nY: b', 'localhost:1'],
    'a header of the probe\'s own': ['-H', 'connection: close', 'localhost:1'],
    'a POST and none': ['--no-post', '--post-path', '/orders', 'localhost:1'],
    'a path without a slash': ['--post-path', 'orders', 'localhost:1'],
    'a certificate file that is not there': ['--ca', join(file, '..', 'none.pem'), 'localhost:1'],
    'a certificate file that holds none': ['--ca', file, 'localhost:1'],
    'a list with a path before its end': ['http://a/x|http://b'],
    'a list of two schemes': ['http://a|https://b'],
    'a list with an endpoint twice': ['a:1|b:1|a:1'],
    'a list with nothing between two bars': ['a:1||b:1'],
    'a list with a user': ['a:1|http://x:y@b:1'],
    'discovery of an address': ['dns+http://10.0.0.1:3000'],
    'discovery by another scheme': ['dns+ftp://users'],
    'SRV records with a port': ['srv+http://_http._tcp.users:80'],
    'Kubernetes outside of a cluster': ['kubernetes+http://users.shop:http']
  }
  for (const [name, args] of Object.entries(cases)) {
    const error = await command(args).then(() => undefined, (error: unknown) => error)
    t.ok(error instanceof UsageError, `${name}: ${String(error)}`)
    t.notMatch((error as Error).message, '\n')
  }
})
