import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { command } from '../../src/cli/serve.js'
import { startBackend } from '../../testing/backend.js'
import { request } from '../../testing/client.js'
import { program } from '../../testing/program.js'
import { copy, start } from '../service/server-process.js'
import type { Server } from '../service/server-process.js'

const MAIN = program('src/cli/main')

/** `holdfast serve` in a folder with these files. */
function serve (t: Test, args: string[], env: NodeJS.ProcessEnv, files: Record<string, string> = {}): Server {
  const cwd = copy(t)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(cwd, path, '..'), { recursive: true })
    writeFileSync(join(cwd, path), text)
  }
  return start(t, env, { cwd, args: [...MAIN, 'serve', ...args] })
}

t.test('it serves what .env and the environment say, and drains on SIGTERM', async t => {
  const backend = await startBackend((request, connection) => connection.reply({ body: request.path }))
  t.teardown(() => backend.close())
  const server = serve(t, [], { NODE_ENV: 'production' }, { '.env': `UPSTREAMS=/a=${backend.url}\n` })
  const url = await server.url()
  t.equal((await request(`${url}/a/b`)).body.toString(), '/b')
  server.process.kill('SIGTERM')
  t.same(await server.ended, { code: 0, signal: null })
})

t.test('a folder of routes is registered beside the health routes, each file whatever its kind', async t => {
  const server = serve(t, ['--routes', 'mine'], { NODE_ENV: 'production' }, {
    'mine/common.cjs': 'module.exports = async app => { app.get(\'/common\', () => \'common\') }\n',
    'mine/compiled.cjs':
      'Object.defineProperty(exports, "__esModule", { value: true })\nexports.default = async app => { app.get(\'/compiled\', () => \'compiled\') }\n',
    'mine/orders/index.mjs': 'export default async app => { app.get(\'/\', () => \'orders\') }\n',
    'mine/node_modules/other/index.js': 'throw new Error(\'a dependency is no route file\')\n'
  })
  const url = await server.url()
  const bodies = { '/common': 'common', '/compiled': 'compiled', '/orders': 'orders', '/health/live': '{"status":"live"}' }
  for (const [path, body] of Object.entries(bodies)) t.equal((await request(url + path)).body.toString(), body, path)
})

t.test('a file named health takes the place of the health routes', async t => {
  const server = serve(t, ['--routes', 'mine'], { NODE_ENV: 'production' }, {
    'mine/health.mjs': 'export default async app => { app.get(\'/health/live\', () => \'mine\') }\n',
    'mine/a.mjs': 'export default async () => {}\n'
  })
  t.equal((await request(`${await server.url()}/health/live`)).body.toString(), 'mine')
})

t.test('a start that fails says why in one line, and ends with 1', async t => {
  const server = serve(t, [], { NODE_ENV: 'production' })
  t.same(await server.ended, { code: 1, signal: null })
  t.match(server.stderr, /^holdfast cannot start: UPSTREAMS: [^\n]+\n$/)
})

t.test('wrong arguments are refused before anything is started', async t => {
  const dir = t.testdir({
    'a.js': '', app: { 'package.json': '{}', 'a.js': '' }, empty: { 'notes.txt': '', 'types.d.ts': '', node_modules: { 'b.js': '' } }
  })
  const refused = async (args: string[], message: string): Promise<unknown> => {
    return t.rejects(command(args), { name: 'UsageError', message }, args.join(' '))
  }
  const [none, file, app, empty] = ['none', 'a.js', 'app', 'empty'].map(name => join(dir, name))
  await refused(['--routes', none!], `serve: --routes: "${none}": there is no such folder`)
  await refused(['--routes', file!], `serve: --routes: "${file}": is a file; give the folder that holds it`)
  await refused(['--routes', app!], `serve: --routes: "${app}": is a package; give a folder below it that holds route files alone`)
  const nothing = 'holds no route file; each .js, .mjs or .cjs file below it is registered as a Fastify plugin'
  await refused(['--routes', empty!], `serve: --routes: "${empty}": ${nothing}`)
  await refused(['app.js'], 'serve: "app.js": no argument is taken; UPSTREAMS has the backends, and --routes a folder of routes')
  await refused(['--port', '80'], 'serve: Unknown option \'--port\'')
})
