import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, closeSync, constants, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EnvironmentError } from '../../src/service/environment-error.js'
import { readEnvironment } from '../../src/service/environment.js'

const TOKEN = '0123456789abcdef'
const PORT = { ADMIN_PORT: '9901' }

function read (variables: NodeJS.ProcessEnv): ReturnType<typeof readEnvironment> {
  return readEnvironment(variables, 'there-is-no.env')
}

function refused (t: Test, variables: NodeJS.ProcessEnv, message: string): void {
  let told = 'it was taken'
  try {
    read(variables)
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error
    told = error.message
  }
  t.equal(told, message)
}

function fileOf (t: Test, text: string): string {
  const path = join(t.testdir(), 'token')
  writeFileSync(path, text)
  return path
}

t.test('the admin surface is off without a port, and then no other variable of it is taken', async t => {
  t.equal(read({}).admin, undefined)
  t.equal(read({ ADMIN_PORT: '', ADMIN_HOST: '', ADMIN_TOKEN: '', ADMIN_TOKEN_FILE: '', ADMIN_ALLOWED_HOSTS: '' }).admin, undefined)
  for (const name of ['ADMIN_HOST', 'ADMIN_TOKEN', 'ADMIN_TOKEN_FILE', 'ADMIN_ALLOWED_HOSTS']) {
    refused(t, { [name]: TOKEN }, `${name}: is set without ADMIN_PORT, so there is no admin surface; set ADMIN_PORT, or leave ${name} out`)
  }
})

t.test('with a port it is on this machine alone, and is required', async t => {
  t.strictSame(read({ ADMIN_PORT: '0' }).admin, { port: 0, host: undefined, token: undefined, allowedHosts: [], required: true })
  for (const ADMIN_HOST of ['127.0.0.1', '127.1.2.3', 'localhost', '::1']) t.match(read({ ...PORT, ADMIN_HOST }).admin, { host: ADMIN_HOST })
})

t.test('it is on the network only with a token', async t => {
  for (const ADMIN_HOST of ['0.0.0.0', '::', '10.0.0.1', '127.gateway.example', 'gateway']) {
    refused(t, { ...PORT, ADMIN_HOST }, `ADMIN_HOST: "${ADMIN_HOST}" is not this machine alone; set ADMIN_TOKEN or ADMIN_TOKEN_FILE too`)
    t.match(read({ ...PORT, ADMIN_HOST, ADMIN_TOKEN: TOKEN }).admin, { host: ADMIN_HOST, token: TOKEN })
    t.match(read({ ...PORT, ADMIN_HOST, ADMIN_TOKEN_FILE: fileOf(t, TOKEN) }).admin, { host: ADMIN_HOST, token: TOKEN })
  }
})

t.test('the port of the clients is refused', async t => {
  const message = 'ADMIN_PORT: 8080 is the port of the clients too (PORT); give the admin surface a port of its own, like 9901'
  refused(t, { PORT: '8080', ADMIN_PORT: '8080' }, message)
  refused(t, { ADMIN_PORT: '8080' }, message)
  for (const HOST of ['127.0.0.1', 'localhost', '0.0.0.0', '::']) refused(t, { HOST, ADMIN_PORT: '8080' }, message)
  t.match(read({ HOST: '127.0.0.2', ADMIN_PORT: '8080' }), { admin: { port: 8080 } }, 'another address')
  t.match(read({ ADMIN_HOST: '::1', ADMIN_PORT: '8080' }), { admin: { host: '::1', port: 8080 } }, 'another address')
  t.match(read({ PORT: '0', ADMIN_PORT: '0' }), { port: 0, admin: { port: 0 } }, 'any free port is another one')
})

t.test('what is no port or no host is refused', async t => {
  refused(t, { ADMIN_PORT: 'x' }, 'ADMIN_PORT: "x" is not a port, 0 to 65535')
  refused(t, { ...PORT, ADMIN_HOST: 'a/b' }, 'ADMIN_HOST: "a/b" is not an address or a host name to listen on')
})

t.test('a token that is too short, or cannot be sent, is refused and not shown', async t => {
  const short = 'has fewer than 16 characters, so it can be guessed; make one with: openssl rand -hex 32'
  const unsendable = 'is not a string of printable ASCII characters without spaces; make one with: openssl rand -hex 32'
  for (const [token, fault] of [['x', short], [TOKEN.slice(1), short], [`${TOKEN} ${TOKEN}`, unsendable], [`${TOKEN}ü`, unsendable]] as const) {
    refused(t, { ...PORT, ADMIN_TOKEN: token }, `ADMIN_TOKEN: ${fault}`)
    const path = fileOf(t, token)
    refused(t, { ...PORT, ADMIN_TOKEN_FILE: path }, `ADMIN_TOKEN_FILE: ${JSON.stringify(path)} holds a token that ${fault}`)
  }
})

t.test('the token of a file is read without the newline at its end', async t => {
  for (const end of ['', '\n', '\r\n']) t.match(read({ ...PORT, ADMIN_TOKEN_FILE: fileOf(t, TOKEN + end) }).admin, { token: TOKEN })
  // As Kubernetes mounts a secret.
  const link = join(t.testdir(), 'link')
  symlinkSync(fileOf(t, `${TOKEN}\n`), link)
  t.match(read({ ...PORT, ADMIN_TOKEN_FILE: link }).admin, { token: TOKEN })
})

t.test('a file that holds no token is refused with what is wrong with it', async t => {
  const dir = t.testdir({ empty: '', newline: '\n', large: `${TOKEN}\n`.repeat(300), closed: TOKEN })
  mkdirSync(join(dir, 'secret'))
  const path = (name: string): string => join(dir, name)
  const cases: [string, string][] = [
    ['nothing', 'does not exist; mount the secret there, or correct the path'],
    ['closed/token', 'does not exist; mount the secret there, or correct the path'],
    ['empty', 'is empty; write a token into it, made with: openssl rand -hex 32'],
    ['newline', 'is empty; write a token into it, made with: openssl rand -hex 32'],
    ['secret', 'is a directory; give the file in it that holds the token'],
    ['large', 'has more than 4096 bytes, which are no token; give the file that holds the token alone']
  ]
  for (const [name, fault] of cases) refused(t, { ...PORT, ADMIN_TOKEN_FILE: path(name) }, `ADMIN_TOKEN_FILE: ${JSON.stringify(path(name))} ${fault}`)
  chmodSync(path('closed'), 0)
  const uid = process.getuid?.()
  // Root may read every file.
  if (uid !== 0) refused(t, { ...PORT, ADMIN_TOKEN_FILE: path('closed') }, `ADMIN_TOKEN_FILE: ${JSON.stringify(path('closed'))} may not be read by this user (uid ${uid}); give it read permission`)
})

t.test('a token that was given for the path of its file is not shown', async t => {
  for (const ADMIN_TOKEN_FILE of [TOKEN, 'ab/cd+ef==', 'x'.repeat(300), 'x/'.repeat(3_000)]) {
    refused(t, { ...PORT, ADMIN_TOKEN_FILE }, 'ADMIN_TOKEN_FILE: "***" does not exist; give the path of a file, not the token itself')
  }
  for (const path of ['/no/token', './no-token', '../no-token']) {
    const fault = 'does not exist; mount the secret there, or correct the path'
    refused(t, { ...PORT, ADMIN_TOKEN_FILE: path }, `ADMIN_TOKEN_FILE: "${path}" ${fault}`)
  }
})

t.test('a path of what never ends, or holds nothing, does not hang the start', async t => {
  const fifo = join(t.testdir(), 'fifo')
  execFileSync('mkfifo', [fifo])
  const empty = 'is empty; write a token into it, made with: openssl rand -hex 32'
  refused(t, { ...PORT, ADMIN_TOKEN_FILE: fifo }, `ADMIN_TOKEN_FILE: "${fifo}" ${empty}`)
  const large = 'has more than 4096 bytes, which are no token; give the file that holds the token alone'
  refused(t, { ...PORT, ADMIN_TOKEN_FILE: '/dev/zero' }, `ADMIN_TOKEN_FILE: "/dev/zero" ${large}`)
  // Its writer writes nothing.
  const writer = openSync(fifo, constants.O_RDWR)
  t.teardown(() => closeSync(writer))
  const late = 'did not end within 5 s; give a file that holds the token alone'
  refused(t, { ...PORT, ADMIN_TOKEN_FILE: fifo }, `ADMIN_TOKEN_FILE: "${fifo}" ${late}`)
})

t.test('a token comes through a pipe too, though its writer takes a while', async t => {
  const fifo = join(t.testdir(), 'fifo')
  execFileSync('mkfifo', [fifo])
  // The shell has the pipe open, as with <(command), and writes when this process waits for it.
  const both = openSync(fifo, constants.O_RDWR)
  const writer = spawn('sh', ['-c', `echo ready; sleep 0.2; echo ${TOKEN} >&4`], { stdio: ['ignore', 'pipe', 'inherit', 'ignore', both] })
  await once(writer.stdout!, 'data')
  closeSync(both)
  t.match(read({ ...PORT, ADMIN_TOKEN_FILE: fifo }).admin, { token: TOKEN })
  await once(writer, 'close')
})

t.test('a token and a file of one are refused together', async t => {
  const path = fileOf(t, TOKEN)
  refused(t, { ...PORT, ADMIN_TOKEN: TOKEN, ADMIN_TOKEN_FILE: path }, 'ADMIN_TOKEN_FILE: is set, and ADMIN_TOKEN too; set one of them')
})

t.test('ADMIN_ALLOWED_HOSTS is a list of host names', async t => {
  t.match(read({ ...PORT, ADMIN_ALLOWED_HOSTS: ' admin.example ,.internal, holdfast:9901' }).admin, { allowedHosts: ['admin.example', '.internal', 'holdfast:9901'] })
  const noName = 'is no host name; give one like admin.example.com or admin.example.com:9901, without scheme and path'
  refused(t, { ...PORT, ADMIN_ALLOWED_HOSTS: 'admin.example,' }, `ADMIN_ALLOWED_HOSTS: "" ${noName}`)
  refused(t, { ...PORT, ADMIN_ALLOWED_HOSTS: 'https://admin.example' }, `ADMIN_ALLOWED_HOSTS: "https://admin.example" ${noName}`)
  const withPasswords = ['https://admin:hush@admin.example', 'admin%3Ahush%40admin.example', 'admin.example,https://admin:hu,sh@admin.example']
  for (const list of withPasswords) {
    refused(t, { ...PORT, ADMIN_ALLOWED_HOSTS: list }, `ADMIN_ALLOWED_HOSTS: "***" ${noName}`)
  }
  refused(
    t, { ...PORT, ADMIN_ALLOWED_HOSTS: '*' },
    'ADMIN_ALLOWED_HOSTS: "*" has a wildcard; write .example.com for a name and all names below it, or give a token: with one, any Host is taken'
  )
})

t.test('METRICS_PATH is a plain path that nothing else has', async t => {
  const UPSTREAMS = '/=http://web,/users=http://users'
  for (const path of ['/metrics', '/internal/metrics', '/usersx', '/health']) t.equal(read({ METRICS_PATH: path, UPSTREAMS }).metricsPath, path)
  for (const path of ['metrics', '/', '/metrics/', '/a//b', '/:metrics', '/metrics*', '/a/../b', '/.', '/metrics?x', '/%2f', 'http://a/metrics']) {
    refused(t, { METRICS_PATH: path }, `METRICS_PATH: "${path}" is no plain path; give one like /metrics`)
  }
  for (const path of ['/health/live', '/health/ready']) {
    refused(t, { METRICS_PATH: path }, `METRICS_PATH: "${path}" is a path of the health routes; give another one, like /metrics`)
  }
  for (const path of ['/users', '/users/metrics']) {
    refused(t, { METRICS_PATH: path, UPSTREAMS }, `METRICS_PATH: "${path}" is under the prefix /users of UPSTREAMS, and would hide a path of that backend; give another one, like /metrics`)
  }
})
