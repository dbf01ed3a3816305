import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { copy, start } from './server-process.js'
import { startBackend } from '../../testing/backend.js'
import { request } from '../../testing/client.js'

const NOTHING = 'UPSTREAMS: is not set, and there is no route file, so there is nothing to proxy; set it, like UPSTREAMS=/users=http://users:3000. '

t.test('a wrong setting is one line of stderr, no client is served, and the exit code is 1', async t => {
  const cwd = copy(t)
  const taken = await startBackend(() => {})
  t.teardown(() => taken.close())
  const served = { UPSTREAMS: '/a=http://127.0.0.1:1' }
  const inUse = `${taken.port} is in use already; stop the process that listens there, or give another port`
  const cases: [NodeJS.ProcessEnv, string][] = [
    [{ CONNECTIONS: '5' }, `${NOTHING}The samples run by themselves only where no more than a port is set, and CONNECTIONS is; SAMPLES=true runs them`],
    [{ NODE_ENV: 'production' }, `${NOTHING}In production the samples never run`],
    [{ UPSTREAM: '/a=http://hush' }, 'UPSTREAM: is no variable of the gateway; did you mean UPSTREAMS? If it is for another program, set IGNORED_VARIABLES=UPSTREAM'],
    [{ UPSTREAMS: '/a=http://a;/b=http://b' }, 'UPSTREAMS: "/a=http://a;/b=http://b" has a semicolon in it; separate entries by commas'],
    [{ PORT: String(taken.port), ...served }, `PORT: ${inUse}`],
    [{ ADMIN_PORT: String(taken.port), ...served }, `ADMIN_PORT: ${inUse}`],
    [{ TRUST_PROXY: '?token=secret' }, 'TRUST_PROXY: "?token=***" is not true, false, an address, or a range like 10.0.0.0/8']
  ]
  await Promise.all(cases.map(async ([env, message]) => {
    const server = start(t, env, { cwd })
    t.match(await server.ended, { code: 1 })
    t.equal(server.stderr, `holdfast cannot start: ${message}\n`)
    t.same(server.lines.filter(({ level, msg }) => level > 30 || msg.startsWith('Server listening')), [])
  }))
})

t.test('a route file finds the variables of .env in process.env', async t => {
  const cwd = copy(t, { 'mine.js': 'export default async app => { app.get(\'/mine\', () => `${process.env.MINE} ${process.env.OTHER}`) }\n' }) // eslint-disable-line no-template-curly-in-string
  writeFileSync(join(cwd, '.env'), 'MINE=file\nOTHER=file\n')
  const url = await start(t, { OTHER: 'process' }, { cwd }).url()
  t.equal((await request(`${url}/mine`)).body.toString(), 'file process')
})

t.test('a typo in .env is one line of stderr', async t => {
  const cwd = copy(t)
  writeFileSync(join(cwd, '.env'), 'PORTS=8080\n')
  const server = start(t, { UPSTREAMS: '/a=http://127.0.0.1:1' }, { cwd })
  t.match(await server.ended, { code: 1 })
  t.equal(server.stderr, 'holdfast cannot start: PORTS (in .env): is no variable of the gateway; did you mean PORT? If it is for another program, set IGNORED_VARIABLES=PORTS\n')
})
