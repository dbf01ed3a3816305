import { execFile } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { backendFor } from '../../testing/gateway.js'
import { REPOSITORY } from '../../testing/program.js'

/** The exit code and the errors of the image's health check. */
async function check (env: NodeJS.ProcessEnv): Promise<{ code: number, stderr: string }> {
  return await new Promise(resolve => execFile(process.execPath, [join(REPOSITORY, 'deploy/health-check.mjs')], { env }, (error, _stdout, stderr) => {
    resolve({ code: error === null ? 0 : Number(error.code), stderr })
  }))
}

async function answering (t: Test, status: number): Promise<{ port: string, paths: string[] }> {
  const paths: string[] = []
  const { port } = await backendFor(t, (request, connection) => {
    paths.push(request.path)
    connection.reply({ status })
  })
  return { port: String(port), paths }
}

t.test('the health check asks for /health/live, where the microservice listens', async t => {
  const { port, paths } = await answering(t, 200)
  for (const env of [{ PORT: port }, { PORT: port, HOST: '0.0.0.0' }, { PORT: port, HOST: '127.0.0.1' }, { PORT: port, HOST: '' }]) t.same(await check(env), { code: 0, stderr: '' })
  t.same(paths, ['/health/live', '/health/live', '/health/live', '/health/live'])
})

t.test('the health check fails with one line that says why', async t => {
  const { port } = await answering(t, 503)
  t.same(await check({ PORT: port }), { code: 1, stderr: `http://127.0.0.1:${port}/health/live answered with 503\n` })
  const gone = await backendFor(t, () => {})
  await gone.close()
  t.same(await check({ PORT: String(gone.port), HOST: '0.0.0.0' }), { code: 1, stderr: `http://127.0.0.1:${gone.port}/health/live does not answer: connect ECONNREFUSED 127.0.0.1:${gone.port}\n` })
})
