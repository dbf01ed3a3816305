import t, { type Test } from 'tap'
import { build } from '../../scripts/build-steps.js'
import { BUILT, FROM_SOURCE, copy, start } from './server-process.js'
import { startBackend } from '../../testing/backend.js'
import { request } from '../../testing/client.js'

// One imports by the package's name, as docs/operating.md does.
const DROPPED = {
  'typed.ts': `import type { FastifyInstance } from 'fastify'
import { proxy } from '../src/index.js'
export default async function typed (app: FastifyInstance): Promise<void> {
  app.get('/typed', () => 'typed')
  await app.register(proxy, { prefix: '/behind-typed', upstream: process.env['BEHIND']! })
}
`,
  'plain.js': `import { getGateway, proxy } from 'holdfast'
export default async function plain (app) {
  app.get('/plain', () => [...getGateway(app).targets].map(target => target.name))
  await app.register(proxy, { prefix: '/behind-plain', upstream: process.env.BEHIND })
}
`
}

async function droppedAnswer (t: Test, cwd: string, args: string[]): Promise<void> {
  const backend = await startBackend((request, connection) => connection.reply({ body: request.path }))
  t.teardown(() => backend.close())
  const url = await start(t, { BEHIND: backend.url, NODE_ENV: 'production' }, { cwd, args }).url()
  t.equal((await request(`${url}/typed`)).body.toString(), 'typed')
  t.equal((await request(`${url}/plain`)).body.toString(), JSON.stringify([backend.url]), 'both share the one gateway and its target')
  for (const path of ['/behind-typed/x', '/behind-plain/x']) t.equal((await request(url + path)).body.toString(), '/x', path)
}

t.test('a .ts and a .js file dropped in routes work from source', async t => {
  await droppedAnswer(t, copy(t, DROPPED, '.ts'), FROM_SOURCE)
})

t.test('a .ts and a .js file dropped in routes work when built', async t => {
  const cwd = copy(t, DROPPED, '.ts')
  // The package's name leads to its ESM wrapper, which is made with the declarations.
  await build(cwd)
  await droppedAnswer(t, cwd, BUILT)
})
