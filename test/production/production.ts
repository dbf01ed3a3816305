import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { startBackend } from '../../testing/backend.js'
import type { BackendConnection } from '../../testing/backend.js'
import { request } from '../../testing/client.js'
import { stages, stepsOf } from '../deploy/dockerfile.js'
import { Server } from '../service/server-process.js'
import { buildStages } from './build-stages.js'
import type { Image } from './build-stages.js'
import { confinement } from './confinement.js'
import type { Confinement } from './confinement.js'
import { makeContext } from './docker-context.js'
import { deployments, upstreamsTo } from './manifest-variables.js'
import type { Deployed } from './manifest-variables.js'

// `npm run production`: the Dockerfile's steps, one by one, in folders; then the server, in a folder with what the Dockerfile copies and
// nothing else, as a user who is not root, on a read-only file system, with the variables of the manifests and no others.

t.setTimeout(600_000)

const TOKEN = 'a-token-of-the-production-test-0123456789'
const scratch = mkdtempSync(join(tmpdir(), 'holdfast-production-'))
// The user of the image has to get in.
chmodSync(scratch, 0o755)
t.teardown(() => rmSync(scratch, { recursive: true, force: true }))
const all = stages()
const user = Number(stepsOf(all.at(-1)!, 'USER')[0]!.words[0]!.split(':')[0])

/** A command of the image, with the program of this machine for that of the image. */
function commandOf (words: readonly string[]): string[] {
  return words.map(word => word === '/nodejs/bin/node' ? process.execPath : word)
}

/** Runs a command to its end. */
function run (confined: Confinement, command: readonly string[], cwd: string, env: NodeJS.ProcessEnv): { code: number | null, stdout: string, stderr: string } {
  const { status, stdout, stderr } = spawnSync(confined.program, [...confined.before, ...command], { cwd, env: { PATH: process.env['PATH'], ...env }, encoding: 'utf8' })
  return { code: status, stdout, stderr }
}

function cannotWrite (t: Test, confined: Confinement, cwd: string): void {
  const attempt = 'try { require("node:fs").writeFileSync("written", ""); console.log("written") } catch ({ code }) { console.log(process.getuid(), code) }'
  t.match(run(confined, [process.execPath, '-e', attempt], cwd, {}), { code: 0, stdout: /^[1-9]\d* (?:EROFS|EACCES)\n$/ })
}

function tokenFile (): string {
  const file = join(scratch, 'token')
  writeFileSync(file, `${TOKEN}\n`, { mode: 0o440 })
  if (process.getuid?.() === 0) chownSync(file, user, user)
  return file
}

/** Starts a server as its manifest does, asks it for everything, and ends it by SIGTERM with a request under way. */
async function servesAndDrains (t: Test, confined: Confinement, { cwd, command, env, healthCheck }: { cwd: string, command: readonly string[], env: NodeJS.ProcessEnv, healthCheck?: readonly string[] }, { variables, grace }: Deployed): Promise<void> {
  let waiting: BackendConnection | undefined
  const backend = await startBackend((request, connection) => {
    if (request.path === '/slow') waiting = connection
    else connection.reply({ body: request.path })
  })
  t.teardown(() => backend.close())
  const admin = variables['ADMIN_PORT'] !== undefined
  // Ports of this machine may be taken, and the file of the token is another one.
  const given = { ...env, ...variables, UPSTREAMS: upstreamsTo(backend.url, variables['UPSTREAMS']!), PORT: '0', SAMPLE_LOAD: undefined, ...admin ? { ADMIN_PORT: '0', ADMIN_TOKEN_FILE: tokenFile() } : { ADMIN_PORT: undefined } }
  const server = new Server(cwd, [...confined.before, ...command], given, confined.program)
  t.teardown(async () => {
    server.process.kill('SIGKILL')
    await server.ended
  })
  const port = new URL(await server.url()).port
  const url = `http://127.0.0.1:${port}`
  t.match(await request(`${url}/health/ready`), { status: 200 })
  for (const entry of variables['UPSTREAMS']!.split(',')) t.match(await request(`${url}${entry.slice(0, entry.indexOf('='))}`), { status: 200 })
  if (healthCheck !== undefined) t.match(run(confined, healthCheck, cwd, { ...env, PORT: port }), { code: 0, stderr: '' })
  if (admin) {
    const { url: listens } = await server.logged('the admin surface listens')
    const surface = `http://127.0.0.1:${new URL(String(listens)).port}`
    const page = await request(`${surface}/`)
    t.equal(page.status, 200)
    for (const [, path] of page.body.toString().matchAll(/(?:src|href)="([^"#:]+)"/g)) t.match(await request(new URL(path!, `${surface}/`).href), { status: 200 }, `${path}`)
    t.match(await request(`${surface}/metrics`), { status: 401 })
    const { status, body } = await request(`${surface}/metrics`, { headers: { authorization: `Bearer ${TOKEN}`, host: 'gateway:9901' } })
    t.equal(status, 200)
    t.match(body.toString(), /^holdfast_connections_limit\{/m)
  }

  const answered = request(`${url}/slow`, { headers: { connection: 'keep-alive' } })
  await backend.waitFor(() => waiting !== undefined)
  server.process.kill('SIGTERM')
  const late = setTimeout(() => server.process.kill('SIGKILL'), grace)
  await server.logged('draining')
  if (Number(variables['DRAIN_DELAY_MS'] ?? 0) > 0) t.match(await request(`${url}/health/ready`), { status: 503 }, 'a load balancer can see that it drains')
  waiting!.reply({ body: 'late' })
  t.equal((await answered).body.toString(), 'late')
  t.match(await server.ended, { code: 0, signal: null }, 'within the grace of the manifest')
  clearTimeout(late)
  t.equal(server.stderr, '')
  t.same(server.lines.filter(({ level, url }) => level > 30 && url !== '/health/ready').map(({ msg }) => msg), [])
}

/** How often a package is installed. */
function copiesOf (name: string, modules: string): number {
  return readdirSync(modules, { recursive: true, encoding: 'utf8' }).filter(path => path === join(name, 'package.json') || path.endsWith(join('node_modules', name, 'package.json'))).length
}

t.test('the image that the Dockerfile makes serves and drains', async t => {
  const context = join(scratch, 'context')
  mkdirSync(context)
  makeContext(context)
  const image: Image = buildStages(all, context, scratch)
  const cwd = join(image.root, image.workdir)
  const modules = join(cwd, 'node_modules')
  t.same(readdirSync(cwd).sort(), ['deploy', 'dist', 'node_modules', 'package.json'])
  t.equal(copiesOf('fastify', modules), 1)
  for (const name of ['tap', 'typescript', 'esbuild', 'tsx']) t.notOk(existsSync(join(modules, name)), `${name} is for development`)
  const confined = confinement(user, cwd)
  t.comment(confined.how)
  cannotWrite(t, confined, cwd)
  const command = commandOf([...image.entrypoint, ...image.command])
  const healthCheck = commandOf(image.healthCheck)
  const { env } = image
  for (const name of ['compose.yaml', 'kubernetes']) {
    await t.test(`with the variables of ${name}`, async t => {
      await servesAndDrains(t, confined, { cwd, command, env, healthCheck }, deployments()[name]!)
    })
  }
  t.match(run(confined, command, cwd, { ...image.env, PORT: '0' }), { code: 1, stderr: /^holdfast cannot start: [^\n]*UPSTREAMS[^\n]*\n$/ }, 'and says what it lacks')
  t.match(run(confined, healthCheck, cwd, { ...image.env, PORT: '1' }), { code: 1 }, 'the health check fails where nothing listens')
})

t.test('a clone that was built and pruned serves and drains, as the systemd unit starts it', async t => {
  const cwd = join(scratch, 'clone')
  cpSync(join(scratch, 'build', 'app'), cwd, { recursive: true, verbatimSymlinks: true })
  const pruned = spawn('npm', ['prune', '--omit=dev', '--no-audit', '--no-fund'], { cwd, stdio: 'ignore' })
  t.same(await once(pruned, 'close'), [0, null])
  t.equal(copiesOf('fastify', join(cwd, 'node_modules')), 1)
  t.notOk(existsSync(join(cwd, 'node_modules', 'typescript')))
  const confined = confinement(user, cwd)
  cannotWrite(t, confined, cwd)
  await servesAndDrains(t, confined, { cwd, command: [process.execPath, 'dist/src/server.js'], env: {} }, deployments()['holdfast.service']!)
})
