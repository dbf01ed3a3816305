import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EnvironmentError } from '../../src/service/environment-error.js'
import { readEnvironment } from '../../src/service/environment.js'

const SECRET = '0123456789abcdef'
const OLD = 'fedcba9876543210'
const COOKIE = { AFFINITY: 'cookie:endpoint' }
const MAKE_ONE = 'make one with: openssl rand -hex 32'

function read (variables: NodeJS.ProcessEnv): ReturnType<typeof readEnvironment>['affinity'] {
  return readEnvironment(variables, 'there-is-no.env').affinity
}

function refused (t: Test, variables: NodeJS.ProcessEnv, message: string): void {
  t.throws(() => read(variables), new EnvironmentError(message), message)
}

function fileOf (t: Test, text: string): string {
  const path = join(t.testdir(), 'secret')
  writeFileSync(path, text)
  return path
}

t.test('AFFINITY names a cookie, a header, or the client\'s address', async t => {
  t.equal(read({}), undefined)
  t.strictSame(read({ AFFINITY: 'ip' }), { ip: true })
  t.strictSame(read({ AFFINITY: 'header:x-user', BALANCE: 'hash' }), { header: 'x-user' })
  t.strictSame(read({ ...COOKIE, AFFINITY_SECRET: SECRET }), { cookie: 'endpoint', secret: [SECRET] })
  for (const wrong of ['cookie', 'cookie:', 'cookie:a b', 'header:a:b', 'query:a', 'IP', 'ip:1', 'x-user']) {
    refused(t, { AFFINITY: wrong }, `AFFINITY: ${JSON.stringify(wrong)} is no affinity; give cookie:NAME, header:NAME or ip, like header:x-user`)
  }
})

t.test('of several secrets the first seals and all open', async t => {
  const expected = { cookie: 'endpoint', secret: [SECRET, OLD] }
  t.strictSame(read({ ...COOKIE, AFFINITY_SECRET: `${SECRET}, ${OLD}` }), expected)
  for (const text of [`${SECRET}\n${OLD}\n`, `${SECRET}\r\n${OLD}`]) t.strictSame(read({ ...COOKIE, AFFINITY_SECRET_FILE: fileOf(t, text) }), expected)
})

t.test('a cookie needs a secret that cannot be guessed, and no message shows one', async t => {
  refused(t, COOKIE, `AFFINITY_SECRET: is not set, and AFFINITY=cookie:NAME needs a secret that seals the cookie; ${MAKE_ONE}`)
  const short = `has a secret of fewer than 16 bytes, so it can be guessed; ${MAKE_ONE}`
  for (const secret of ['hush', `${SECRET},hush`]) refused(t, { ...COOKIE, AFFINITY_SECRET: secret }, `AFFINITY_SECRET: ${short}`)
  refused(t, { ...COOKIE, AFFINITY_SECRET_FILE: fileOf(t, 'hush') }, `AFFINITY_SECRET_FILE: ${short}`)
  refused(t, { ...COOKIE, AFFINITY_SECRET_FILE: fileOf(t, '\n') }, `AFFINITY_SECRET_FILE: names a file without a secret; ${MAKE_ONE}`)
  refused(t, { ...COOKIE, AFFINITY_SECRET: SECRET, AFFINITY_SECRET_FILE: '/x' }, 'AFFINITY_SECRET_FILE: is set, and AFFINITY_SECRET too; set one of them')
  refused(t, { ...COOKIE, AFFINITY_SECRET_FILE: SECRET }, 'AFFINITY_SECRET_FILE: "***" does not exist; give the path of a file, not the secret itself')
  const unused = 'has no effect without AFFINITY=cookie:NAME; set that, or leave'
  for (const AFFINITY of ['', 'ip', 'header:x-user']) {
    refused(t, { AFFINITY, AFFINITY_SECRET: SECRET }, `AFFINITY_SECRET: ${unused} AFFINITY_SECRET out`)
    refused(t, { AFFINITY, AFFINITY_SECRET_FILE: '/x' }, `AFFINITY_SECRET_FILE: ${unused} AFFINITY_SECRET_FILE out`)
  }
})

t.test('BALANCE=hash needs a value to hash', async t => {
  const message = 'BALANCE: "hash" needs a value to hash; set AFFINITY=header:NAME or AFFINITY=ip'
  refused(t, { BALANCE: 'hash' }, message)
  refused(t, { BALANCE: 'hash', ...COOKIE, AFFINITY_SECRET: SECRET }, message)
  t.strictSame(read({ BALANCE: 'hash', AFFINITY: 'ip' }), { ip: true })
})
