import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { command } from '../../src/cli/check.js'
import { answer } from '../../testing/answer.js'
import { startBackend } from '../../testing/backend.js'
import { nginx } from '../../testing/behaviours.js'
import { REPOSITORY } from '../../testing/program.js'

const MAIN = join(REPOSITORY, 'src/cli/main.ts')
const SEVERAL = join(REPOSITORY, 'test/cli/check-several.ts')
const IMPORTS = 'import Fastify from \'fastify\'\nimport { gateway, proxy } from \'holdfast\'\n'
const PROXY = pathToFileURL(join(REPOSITORY, 'plugins/proxy.ts')).href
const UPSTREAM = '\'http://users.internal:3000\''

interface Ended { code: number | null, stdout: string, stderr: string }
interface Output { findings: Record<string, string>[], targets: { name: string, origin: string | null, routes: string[] }[] }

/** Runs a script to its end, in a folder below the repository, with only these variables. */
async function run (cwd: string, script: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const child = spawn(process.execPath, ['--import=tsx', script, ...args], { cwd, env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const out = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk: Buffer) => { out[name] += chunk.toString() })
  const [code] = await once(child, 'close') as [number | null]
  return { code, ...out }
}

/** A port without a listener. */
async function freePort (): Promise<number> {
  const backend = await startBackend(() => {})
  await backend.close()
  return backend.port
}

t.test('a script that listens is checked without opening its port', async t => {
  const port = await freePort()
  const dir = t.testdir({
    'app.ts': `${IMPORTS}import { connect } from 'node:net'
import { createServer } from 'node:http'
const app = Fastify({ logger: true, trustProxy: true })
app.addHook('onListen', async () => { console.log('it serves') })
await app.register(gateway)
await app.register(proxy, { prefix: '/users', upstream: ${UPSTREAM}, undiciOptions: { keepAliveTimeout: 0, connect: { passphrase: 'SECRET' } } })
console.log('printed by the app')
const address = await app.listen({ port: ${port} })
await new Promise<void>(resolve => createServer().listen(${port + 1}, resolve))
const connects = (port: number): Promise<boolean> => new Promise(resolve => { connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false)) })
console.log('asked itself', address, process.argv.length, await connects(${port}), await connects(${port + 1}))
setInterval(() => {}, 1_000)
`
  })
  const { code, stdout, stderr } = await run(dir, MAIN, ['check', '--json', '--front-idle', '2m', 'app.ts'])
  t.equal(code, 1, 'errors were found')
  t.match(stderr, `asked itself http://127.0.0.1:${port} 2 false false`, 'it looks as if it listened, but it does not')
  t.match(stderr, 'printed by the app', 'what the app prints is no part of the output')
  t.notMatch(stderr, 'it serves')
  const { findings, targets } = JSON.parse(stdout) as Output
  t.strictSame(findings.map(({ id, severity, target }) => ({ id, severity, target })), [
    { id: 'keep-alive-off', severity: 'error', target: 'http://users.internal:3000' },
    { id: 'front-outlives-server', severity: 'error', target: 'server' },
    { id: 'trusts-everybody', severity: 'warning', target: 'server' }
  ])
  for (const finding of findings) t.strictSame(Object.keys(finding), ['id', 'severity', 'target', 'found', 'why', 'remedy'])
  t.strictSame(targets, [{ name: 'http://users.internal:3000', origin: 'http://users.internal:3000', routes: ['/users'] }])
  t.notMatch(stdout + stderr, 'SECRET')
})

t.test('an app that cannot get ready is reported with its stack, even if it would end the process', async t => {
  const dir = t.testdir({
    'app.ts': `${IMPORTS}
async function start () {
  const app = Fastify({ logger: true })
  app.register(async () => { throw new Error('no database') })
  try { await app.listen({ port: 0 }) } catch (error) { process.exit(1) }
}
start()
`
  })
  const { code, stdout, stderr } = await run(dir, MAIN, ['check', 'app.ts'])
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(stderr, /app\.ts cannot be loaded: \nError: no database\n +at /)
})

t.test('an app that ends the process is reported as an error', async t => {
  const dir = t.testdir({ 'app.ts': 'console.log(1); process.exit(0)' })
  const { code, stderr } = await run(dir, MAIN, ['check', 'app.ts'])
  t.equal(code, 2)
  t.match(stderr, 'before it was ready')
})

t.test('every kind of app is loaded', async t => {
  const files = {
    'plugin.ts': 'import { gateway, proxy } from \'holdfast\'\nexport const options = { trustProxy: true }\n' +
      `export default async function (app) { await app.register(gateway); await app.register(proxy, { prefix: '/plugin', upstream: ${UPSTREAM} }) }\n`,
    'instance.ts': `${IMPORTS}const app = Fastify()\napp.register(proxy, { prefix: '/instance', upstream: ${UPSTREAM} })\nexport default app\n`,
    'builder.ts': `${IMPORTS}export async function buildApp ({ prefix = '/built' }) { const app = Fastify()\nawait app.register(proxy, { prefix, upstream: ${UPSTREAM} })\nreturn app }\nexport const other = () => 1\n`,
    // The module makes two apps, and later.
    'start.ts': `${IMPORTS}async function start (prefix: string) {
  const app = Fastify()
  await new Promise(resolve => setTimeout(resolve, 10))
  await app.register(proxy, { prefix, upstream: ${UPSTREAM}, pool: { maxRequestsPerConnection: 1 } })
  app.listen({ port: 0 }, (error, address) => { if (prefix === '/first') start('/second') })
}
start('/first')
`,
    'chosen.ts': `${IMPORTS}export const app = Fastify()\napp.register(proxy, { prefix: '/chosen', upstream: '', replyOptions: { getUpstream: () => ${UPSTREAM} }, undiciOptions: { pipelining: 0 } })\n`,
    'tunnels.ts': `${IMPORTS}export const app = Fastify()\napp.register(proxy, { prefix: '/t', upstream: ${UPSTREAM}, wsUpstream: 'ws://sockets.internal', tunnelIdleTimeout: 0 })\n`,
    'foreign.ts': `${IMPORTS}export const app = Fastify()\napp.register(proxy, { prefix: '/foreign', upstream: ${UPSTREAM}, globalAgent: true })\n`,
    'none.ts': 'import Fastify from \'fastify\'\nexport const app = Fastify()\n',
    'nothing.ts': 'export const answer = 42\n',
    'throws.ts': 'throw new Error(\'boom\')\n',
    'refused.ts': `${IMPORTS}export const app = Fastify()\napp.register(gateway, { pool: { maxDails: 3 } } as never)\n`
  }
  const dir = t.testdir(files)
  const { stdout, stderr, code } = await run(dir, SEVERAL, [...Object.keys(files), 'missing.ts'])
  t.equal(code, 0, stderr)
  const outcomes = JSON.parse(stdout) as Record<string, { code?: number, output?: Output, error?: string }>
  const routes = (file: string): string[][] | undefined => outcomes[file]?.output?.targets.map(target => target.routes)
  const ids = (file: string): (string | undefined)[] | undefined => outcomes[file]?.output?.findings.map(({ id, target }) => `${id} ${target}`)

  t.strictSame(routes('plugin.ts'), [['/plugin']])
  t.strictSame([ids('plugin.ts'), outcomes['plugin.ts']?.code], [['trusts-everybody server'], 0], 'its options are those of its server; a warning is no error')
  t.strictSame([routes('instance.ts'), outcomes['instance.ts']?.output?.findings, outcomes['instance.ts']?.code], [[['/instance']], [], 0], 'nothing is found of the defaults')
  t.strictSame(routes('builder.ts'), [['/built']])
  t.strictSame(routes('start.ts'), [['/first'], ['/second']])
  t.strictSame([ids('start.ts'), outcomes['start.ts']?.code], [
    ['single-use-connections app 1: http://users.internal:3000', 'single-use-connections app 2: http://users.internal:3000'], 1
  ])
  t.strictSame([ids('chosen.ts'), outcomes['chosen.ts']?.output?.targets[0]?.origin], [['keep-alive-off getUpstream of /chosen'], null])
  t.strictSame(ids('tunnels.ts'), ['tunnel-idle-timeout-off http://sockets.internal'])
  t.strictSame(ids('foreign.ts'), ['unmanaged route /foreign'])
  t.match(outcomes['none.ts']?.error, /none\.ts has no gateway/)
  t.match(outcomes['nothing.ts']?.error, /nothing\.ts makes no Fastify app/)
  t.match(outcomes['throws.ts']?.error, /boom\n +at /)
  t.match(outcomes['refused.ts']?.error, /^check: refused\.ts cannot be loaded: (?:gateway|proxy [^:]+): pool\.maxDails: 3 is unknown; did you mean maxDials\?$/, 'in one line')
  t.match(outcomes['missing.ts']?.error, 'no such file')
})

t.test('the microservice is read from .env and the environment; with --probe its backends are measured; warnings count under --strict', async t => {
  const backend = await startBackend(nginx({ keepAliveMs: 400, requests: 50 }))
  t.teardown(() => backend.close())
  const gone = `http://127.0.0.1:${await freePort()}`
  const dir = t.testdir({ '.env': `UPSTREAMS=/a=${backend.url},/b=${gone}\nTRUST_PROXY=true\nKEEP_ALIVE_TIMEOUT_MS=0\n` })
  const args = ['check', '--probe', '--max-wait', '1s', '--strict', '--ignore', 'unreachable,plain-http']
  const { code, stdout, stderr } = await run(dir, MAIN, args, { KEEP_ALIVE_TIMEOUT_MS: '30000' })
  t.equal(stderr, '')
  t.equal(code, 1)
  const [first, second, third, last] = stdout.split('\n\n')
  t.match(first, `${backend.url}  (/a)\n  measured: closes after `)
  t.match(first, /\n {2}warning {2}idle-above-backend\n {11}found {3}undiciOptions\.keepAliveTimeout: 30000; the backend closes after \d+ ms\n {11}why {5}Requests are sent/)
  t.match(first, /\n {11}remedy {2}undiciOptions\.keepAliveTimeout: \d+; or/)
  t.equal(second, `${gone}  (/b)\n  ok`, 'what is ignored is not shown')
  t.match(third, /^server\n {2}warning {2}trusts-everybody\n {11}found {3}trustProxy: true\n/)
  t.equal(last, '2 targets: 0 errors, 2 warnings, 1 ignored\n')
  t.notMatch(stdout, '\x1b', 'no colours but on a terminal')
})

t.test('the microservice is read with a folder of routes, and without anything to serve an app is asked for', async t => {
  const dir = t.testdir({
    mine: { 'a.mjs': `export default async app => { await app.register((await import('${PROXY}')).proxy, { prefix: '/a', upstream: ${UPSTREAM} }) }\n` }
  })
  const { stdout, stderr } = await run(dir, MAIN, ['check', '--routes', 'mine', '--json'])
  t.equal(stderr, '')
  t.match((JSON.parse(stdout) as Output).targets, [{ name: 'http://users.internal:3000', routes: ['/a'] }])
  t.same(await run(dir, MAIN, ['check']), {
    code: 2, stdout: '', stderr: 'holdfast: check: name an app, or set UPSTREAMS to check the microservice; holdfast check --help says more\n'
  })
})

t.test('for the microservice, remedies name its variables', async t => {
  const dir = t.testdir({ '.env': 'UPSTREAMS=/a=http://127.0.0.1:1\nCONNECTIONS=64\n' })
  const { stdout } = await run(dir, MAIN, ['check', '--front-idle', '600s', '--front-timeout', '20s', '--backend-max-connections', '100', '--json'])
  const { findings } = JSON.parse(stdout) as { findings: { id: string, remedy: string }[] }
  t.strictSame(findings.map(({ id, remedy }) => [id, remedy]), [
    ['front-answers-first', 'Give undiciOptions.headersTimeout less than the front\'s timeout. Variables: HEADERS_TIMEOUT_MS.'],
    ['front-outlives-server', 'Fastify({ keepAliveTimeout: 720000 }). Variables: CLIENT_KEEP_ALIVE_TIMEOUT_MS.'],
    ['backend-overrun', 'undiciOptions.connections and pool.maxUpgraded that come to 100 together. Variables: CONNECTIONS, MAX_UPGRADED, WEBSOCKET=false.']
  ])
})

t.test('with --probe each endpoint of a route\'s list is measured, and bounds are those of one endpoint', async t => {
  const backends = await Promise.all([1, 2].map(() => startBackend(nginx({ keepAliveMs: 400, requests: 50 }))))
  t.teardown(() => Promise.all(backends.map(backend => backend.close())))
  const [first, second] = backends.map(({ url }) => url)
  const gone = `http://127.0.0.1:${await freePort()}`
  const dir = t.testdir({
    '.env': 'KEEP_ALIVE_TIMEOUT_MS=30000\nCONNECTIONS=64\n',
    mine: {
      'a.mjs': `export default async app => {
  const { proxy } = await import('${PROXY}')
  await app.register(proxy, { prefix: '/a', upstream: ${JSON.stringify([first, second, gone])} })
}\n`
    }
  })
  const { code, stdout, stderr } = await run(dir, MAIN, ['check', '--routes', 'mine', '--probe', '--max-wait', '1s', '--backend-max-connections', '60'])
  t.equal(stderr, '')
  t.equal(code, 1)
  for (const url of [first, second]) t.match(stdout, `\n  ${url!.slice(7)}: closes after `)
  t.match(stdout, 'warning  endpoints-unreachable\n           found   2 of 3 endpoints reached; ')
  t.match(stdout, '1 x 64 = 64 connections to each of 3 endpoints, and one can bear 60')
  t.match(stdout, /idle-above-backend\n {11}found {3}undiciOptions\.keepAliveTimeout: 30000; the backend closes after/)
})

t.test('with --probe a backend that compresses nothing for a request with Via is named', async t => {
  const backend = await startBackend((request, connection) => {
    const coded = request.header('accept-encoding') === 'gzip' && request.header('via') === undefined
    answer(request, connection, coded ? { headers: { 'Content-Encoding': 'gzip' } } : {})
  })
  t.teardown(() => backend.close())
  const dir = t.testdir({ '.env': `UPSTREAMS=/a=${backend.url}\n` })
  const { stdout } = await run(dir, MAIN, ['check', '--probe', '--max-wait', '300ms', '--json'])
  const { findings, targets } = JSON.parse(stdout) as { findings: { id: string, remedy: string }[], targets: unknown[] }
  t.match(findings.find(({ id }) => id === 'via-stops-compression')?.remedy, 'via: false')
  t.match(targets, [{ measured: { viaStopsCompression: true, recommended: { via: false } } }])
})

t.test('wrong arguments are refused before anything is loaded', async t => {
  const refused = async (t: Test, args: string[], message: RegExp): Promise<unknown> => t.rejects(command(args), { name: 'UsageError', message }, args.join(' '))
  await refused(t, ['--nonsense'], /--nonsense/)
  await refused(t, ['a.ts', 'b.ts'], /one app at a time/)
  await refused(t, ['--env', '.env', 'a.ts'], /--env/)
  await refused(t, ['--env', 'there-is-no.env'], /no such file/)
  await refused(t, ['--routes', 'mine', 'a.ts'], /^check: --routes is for the microservice, and goes with no app$/)
  await refused(t, ['--routes', 'there-is-none'], /^check: --routes: "there-is-none": there is no such folder$/)
  await refused(t, ['--front-idle', 'soon'], /--front-idle: "soon" is no duration/)
  await refused(t, ['--front-timeout', '0s'], /--front-timeout/)
  await refused(t, ['--replicas', '0'], /--replicas: "0" is no count/)
  await refused(t, ['--backend-max-connections', '1.5'], /--backend-max-connections/)
  await refused(t, ['--max-wait', '1s'], /--max-wait goes with --probe/)
  await refused(t, ['--ignore', 'plain-http,plain'], /"plain" is no rule/)
  await refused(t, ['--markdown'], /--rules/)
})
