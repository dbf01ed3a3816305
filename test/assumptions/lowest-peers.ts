// `npm run assumptions:lowest`: runs the assumptions on the lowest versions of the peers that package.json allows, each in a folder of its own.
// The suite runs them on the versions that are installed, which are the highest.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { REPOSITORY } from '../../testing/program.js'

/** By peer: which tests ask it, and nothing but it, tap, Node and the packages beside it. */
const TESTS: Readonly<Record<string, { readonly files: RegExp, readonly beside: readonly string[] }>> = {
  fastify: { files: /^fastify-.*\.test\.ts$/, beside: ['fastify-plugin'] },
  '@opentelemetry/api': { files: /^opentelemetry\.test\.ts$/, beside: [] }
}
const HERE = join(REPOSITORY, 'test', 'assumptions')
const MODULES = join(REPOSITORY, 'node_modules')
const LOADER = pathToFileURL(join(MODULES, 'tsx', 'dist', 'loader.mjs')).href

const { peerDependencies } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { peerDependencies: Record<string, string> }
let failed = 0
for (const [peer, range] of Object.entries(peerDependencies)) failed += failuresOf(peer, range)
process.exitCode = failed === 0 ? 0 : 1

/** How many test files fail on the lowest version of a peer. */
function failuresOf (peer: string, range: string): number {
  const tests = TESTS[peer]
  const [, lowest] = /^\^(\d+\.\d+\.\d+)$/.exec(range) ?? []
  if (tests === undefined || lowest === undefined) throw new Error(`${peer}@${range}: no test asks this peer, or its range is not ^major.minor.patch`)
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-lowest-'))
  try {
    install(folder, `${peer}@${lowest}`, ['tap', ...tests.beside])
    return readdirSync(HERE).filter(name => tests.files.test(name)).filter(name => !passes(folder, name, `${peer} ${lowest}`)).length
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function install (folder: string, version: string, linked: readonly string[]): void {
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--silent', '--save-exact', version], { cwd: folder, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${version} cannot be installed`)
  for (const name of linked) symlinkSync(join(MODULES, name), join(folder, 'node_modules', name))
}

function passes (folder: string, name: string, version: string): boolean {
  copyFileSync(join(HERE, name), join(folder, name))
  const { status, stdout } = spawnSync(process.execPath, [`--import=${LOADER}`, name], { cwd: folder, encoding: 'utf8' })
  process.stdout.write(`${status === 0 ? 'ok' : 'not ok'} - ${name} on ${version}\n${status === 0 ? '' : stdout}`)
  return status === 0
}
