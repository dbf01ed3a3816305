import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { REPOSITORY, program } from '../../testing/program.js'

const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string }
const ROOT = join(import.meta.dirname, '../..')

/** Runs the command to its end: exit code, stdout, stderr. */
async function holdfast (...args: string[]): Promise<[number | null, string, string]> {
  const child = spawn(process.execPath, [...program('src/cli/main'), ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  const out = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk: Buffer) => { out[name] += chunk.toString() })
  const [code] = await once(child, 'close') as [number | null]
  return [code, out.stdout, out.stderr]
}

t.test('the version is that of the package, however it is asked for', async t => {
  for (const name of ['--version', '-v', '-V', 'version']) t.same(await holdfast(name), [0, `${version}\n`, ''], name)
})

t.test('help lists every command', async t => {
  const [code, stdout] = await holdfast('help')
  t.equal(code, 0)
  for (const name of ['serve', 'probe', 'check']) t.match(stdout, new RegExp(`^  ${name} +\\w`, 'm'))
  t.same(await holdfast(), [2, stdout, ''], 'without a command it is wrong usage')
})

t.test('an unknown command names the nearest one', async t => {
  t.same(await holdfast('serv'), [2, '', 'holdfast: "serv" is no command; did you mean serve? holdfast --help lists them\n'])
  t.same(await holdfast('--verison'), [2, '', 'holdfast: "--verison" is no command; did you mean --version? holdfast --help lists them\n'])
  t.same(await holdfast('deploy-it'), [2, '', 'holdfast: "deploy-it" is no command; holdfast --help lists them\n'])
})
