// Runs @fastify/http-proxy's own test suite, with Holdfast's `proxy` in its place:
//
//   npx tsx bench/compare/http-proxy-suite.ts            ... and accounts for each failure by a line of docs/migrating.md
//   npx tsx bench/compare/http-proxy-suite.ts --stock    ... of @fastify/http-proxy itself, to compare with
//
// The command fails if a test fails and no intended difference accounts for it, or if a test passes that a difference says must fail.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { run } from 'node:test'
import { fileURLToPath } from 'node:url'

const SUITE = '@fastify/http-proxy@11.6.3'
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Tests that fail, by file and title, and the id of the difference in docs/migrating.md that accounts for each. */
const INTENDED: Record<string, string> = {
  'test/test.js: dynamic upstream for basic proxy': 'unknown-options',
  // The proxy is refused here too, with another message.
  'test/test.js: no upstream will throw': 'unknown-options',
  'test/websocket.js: getUpstream': 'upgrade-listeners',
  'test/websocket.js: getUpstream with unset wsUpstream': 'upgrade-listeners'
}

// Development dependencies that only lint, check types or measure.
const NOT_FOR_TESTS = /^(@types\/|borp|eslint|express|http-proxy|neostandard|tstyche|typescript|why-is-node-running)/

// A user changes one import. All of the tests share this one.
const INSTEAD = `'use strict'
const { proxy } = require('holdfast')
module.exports = Object.assign(proxy, { default: proxy, fastifyHttpProxy: proxy })
`

const stock = process.argv.includes('--stock')
const folder = mkdtempSync(join(tmpdir(), 'http-proxy-suite-'))
try {
  prepare()
  process.exitCode = account(await runSuite())
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Puts the suite and its dependencies into `folder`, with Holdfast built and packed as for publishing. */
function prepare (): void {
  unpack(SUITE, folder)
  const manifestFile = join(folder, 'package.json')
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as { name: string, devDependencies: Record<string, string> }
  // Holdfast depends on a package with the suite's name.
  manifest.name = 'http-proxy-suite'
  for (const name of Object.keys(manifest.devDependencies)) if (NOT_FOR_TESTS.test(name)) delete manifest.devDependencies[name]
  writeFileSync(manifestFile, JSON.stringify(manifest))

  const packages: string[] = []
  if (!stock) {
    packages.push(join(folder, npm(['pack', '--silent', '--pack-destination', folder], ROOT).trim().split('\n').at(-1)!))
    writeFileSync(join(folder, 'index.js'), INSTEAD)
  }
  npm(['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', ...packages], folder)
}

function unpack (spec: string, into: string): void {
  const tarball = npm(['pack', '--silent', spec], into).trim()
  execFileSync('tar', ['-xzf', tarball], { cwd: into })
  const unpacked = join(into, 'package')
  for (const name of readdirSync(unpacked)) renameSync(join(unpacked, name), join(into, name))
}

function npm (args: string[], cwd: string): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], shell: process.platform === 'win32' })
}

interface Result { readonly name: string, readonly passed: boolean, readonly why: string }

async function runSuite (): Promise<Result[]> {
  const tests = join(folder, 'test')
  const files = readdirSync(tests, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.js')).map(name => join(tests, name))
  // The runner passes its own arguments on to the tests' processes, which must not get its TypeScript loader.
  process.execArgv.length = 0
  const results: Result[] = []
  // A file whose proxy was refused never ends, since its servers keep listening.
  for await (const { type, data } of run({ files, concurrency: true, timeout: 120_000 })) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const file = relative(folder, data.file ?? data.name)
    const title = data.name === data.file || data.name.endsWith(basename(file)) ? '(file)' : data.name
    const passed = type === 'test:pass'
    results.push({ name: `${file}: ${title}`, passed, why: passed ? '' : firstLine(data.details.error) })
  }
  return results
}

function firstLine (error: Error): string {
  const { message } = error.cause instanceof Error ? error.cause : error
  return message.split('\n', 1)[0]!
}

/** Prints the sums and what accounts for each failure; returns the exit code. */
function account (results: Result[]): number {
  const expected: Record<string, string> = stock ? {} : INTENDED
  const failed = results.filter(({ passed }) => !passed)
  const wrong: string[] = []
  for (const { name, why } of failed) {
    const id = expected[name]
    if (id === undefined) wrong.push(`${name}\n    ${why}`)
    else console.log(`${name}\n    ${why}\n    ${differenceRow(id)}`)
  }
  for (const name of Object.keys(expected)) {
    if (!failed.some(result => result.name === name)) wrong.push(`${name}\n    is to fail (${expected[name]}) and did not`)
  }
  for (const line of wrong) console.log(`UNACCOUNTED ${line}`)
  console.log(`${SUITE}, ${stock ? 'stock' : 'holdfast'}: ${results.length - failed.length} passed, ${failed.length} failed, ${wrong.length} unaccounted for`)
  return wrong.length === 0 ? 0 : 1
}

/** The row of the table of differences in docs/migrating.md that has this id in its first column; the id while there is none. */
function differenceRow (id: string): string {
  let page = ''
  try {
    page = readFileSync(join(ROOT, 'docs/migrating.md'), 'utf8')
  } catch {}
  return page.split('\n').find(line => line.replaceAll('`', '').startsWith(`| ${id} |`)) ?? id
}
