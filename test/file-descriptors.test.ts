import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { persistent } from '../testing/behaviours.js'
import { request } from '../testing/client.js'
import { backendFor, until } from '../testing/gateway.js'
import { program } from '../testing/program.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LIMIT = 200

t.test('the gateway survives running out of file descriptors, and recovers when some are free', async t => {
  const backend = await backendFor(t, persistent())
  const server = spawn('sh', ['-c', `ulimit -n ${LIMIT} && exec "$0" "$@"`, process.execPath, ...program('src/server')], {
    cwd: ROOT, env: { PATH: process.env['PATH'], PORT: '0', UPSTREAMS: `/=${backend.url}` }, stdio: ['ignore', 'pipe', 'ignore']
  })
  t.teardown(async () => {
    server.kill('SIGKILL')
    await once(server, 'close')
  })
  let url = ''
  for await (const line of createInterface(server.stdout)) {
    url = /Server listening at (http:[^"]+)/.exec(line)?.[1] ?? ''
    if (url !== '') break
  }
  server.stdout.resume()
  t.equal((await request(url)).status, 200, 'before')
  const inUse = (): number => existsSync(`/proc/${server.pid}/fd`) ? readdirSync(`/proc/${server.pid}/fd`).length : LIMIT
  const calm = inUse()

  // More connections than the process can accept; the rest waits in the kernel's backlog.
  const { port } = new URL(url)
  const idle: Socket[] = []
  for (let n = 0; n < LIMIT + 100; n++) {
    const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
    idle.push(socket)
    await once(socket, 'connect')
  }
  // The kernel has connected them, and the process accepts them later.
  await until(() => inUse() > LIMIT - 10)
  t.equal(server.exitCode, null, 'the process lives')
  for (const socket of idle) socket.destroy()
  // With no file descriptor left, libuv accepts all that wait in the backlog, and closes them. What is left there must fit by now.
  await until(() => inUse() <= calm + 20)
  const after = await request(url)
  t.equal(after.status, 200, 'afterwards')
  t.equal(server.exitCode, null)
})
