import { equal, match } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startBackend } from '../../testing/backend.js'
import { request } from '../../testing/client.js'
import { REPOSITORY } from '../../testing/program.js'
import type { Check } from './check.js'
import { installed } from './packed.js'
import type { Tarball } from './packed.js'
import { ended, running } from './process.js'

const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string }
const PORTS = { PORT: '0', ADMIN_PORT: '0' }
const LISTENS = /Server listening at (http:\/\/[\d.:]+)/

const FILES = {
  'app.mjs': `import Fastify from 'fastify'
import { gateway, proxy } from 'holdfast'
export const app = Fastify()
await app.register(gateway)
await app.register(proxy, { prefix: '/a', upstream: 'http://127.0.0.1:9', undiciOptions: { keepAliveTimeout: 0 } })
`,
  'mine/orders.js': `const { getGateway, proxy } = require('holdfast')
module.exports = async app => {
  await app.register(proxy, { prefix: '/orders', upstream: process.env.BACKEND })
  app.get('/count', () => String([...getGateway(app).targets].length))
}
`,
  'typed/orders.ts': 'export default async (app: object): Promise<void> => { console.log(app) }\n'
}

/** Runs with npx what is installed, and nothing from a registry. */
async function holdfast (app: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, code = 0): Promise<string> {
  return ended('npx', ['--no-install', 'holdfast', ...args], { cwd: app, env }, code)
}

export const COMMAND_CHECKS: readonly Check[] = [
  {
    name: 'npx holdfast: --version, check, probe and serve',
    run: async tarball => {
      const app = await installed(tarball, 'command', FILES)
      equal(await holdfast(app, ['--version']), `${version}\n`)
      match(await holdfast(app, ['check', 'app.mjs'], {}, 1), /keep-alive-off/)
      match(await holdfast(app, ['check'], {}, 2), /^holdfast: check: name an app, or set UPSTREAMS to check the microservice; holdfast check --help/m)
      match(await holdfast(app, ['check'], { UPSTREAMS: '/=http://users.internal:3000' }), /http:\/\/users\.internal:3000 {2}\(\/\)/)
      match(await holdfast(app, ['serve', '--help']), /^All variables: \S+\.env\.example$/m)
      await tryServing(app)
      await trySamples(app)
    }
  },
  {
    name: 'dist/src/server.js of the package starts',
    run: async (tarball: Tarball) => {
      const app = await installed(tarball, 'server', {})
      const server = running('node', [join('node_modules', 'holdfast', 'dist', 'src', 'server.js')], { cwd: app, env: PORTS })
      const [, url] = await server.printed(LISTENS)
      equal((await request(`${url}/health/ready`)).status, 200)
      equal(await server.stop(), 0)
    }
  }
]

async function tryServing (app: string): Promise<void> {
  const backend = await startBackend((request, connection) => connection.reply({ body: `backend ${request.path}` }))
  try {
    match(await holdfast(app, ['probe', backend.url, '--max-wait', '300ms', '--connections', '2', '--requests', '10']), /persist/)
    const bin = join('node_modules', '.bin', 'holdfast')
    const env = { ...PORTS, UPSTREAMS: `/users=${backend.url}`, BACKEND: backend.url }
    const server = running(bin, ['serve', '--routes', 'mine'], { cwd: app, env })
    const [, url] = await server.printed(LISTENS)
    const bodies = { '/users/7': 'backend /7', '/orders/8': 'backend /8', '/count': '1', '/health/live': '{"status":"live"}' }
    for (const [path, body] of Object.entries(bodies)) equal((await request(url + path)).body.toString(), body, path)
    equal(await server.stop(), 0)
    if (!('typescript' in process.features)) {
      const said = await ended(bin, ['serve', '--routes', 'typed'], { cwd: app, env }, 1)
      match(said, /^holdfast cannot start: \S+orders\.ts: Node \S+ runs no TypeScript; compile the file, set NODE_OPTIONS=[^\n]+\n$/)
    }
  } finally {
    await backend.close()
  }
}

async function trySamples (app: string): Promise<void> {
  const server = running(join('node_modules', '.bin', 'holdfast'), ['serve'], { cwd: app, env: PORTS })
  const [, url] = await server.printed(LISTENS)
  const [, admin] = await server.printed(/open (http:\S+) # the dashboard/)
  match((await request(`${url}/samples/persistent`)).body.toString(), /"backend":"persistent"/)
  match((await request(`${admin}/`)).body.toString(), /^<!doctype html>/)
  equal(await server.stop(), 0)
}
