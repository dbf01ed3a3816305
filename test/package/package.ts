// `npm run package`: packs the package, installs it into clean folders as users do, and tries it there. Prints a line for each check, and
// exits with 1 if one fails. `npm run package -- jest nest` runs the checks whose names contain one of these words.
import { rmSync } from 'node:fs'
import { BUNDLE_CHECKS } from './bundle-checks.js'
import type { Check } from './check.js'
import { COMMAND_CHECKS } from './command-checks.js'
import { CONTENT_CHECKS } from './content-checks.js'
import { LOADING_CHECKS } from './loading-checks.js'
import { packed } from './packed.js'
import { TYPE_CHECKS } from './type-checks.js'

// Each check is one or two processes, and most of them wait for a registry or a disk.
const AT_ONCE = 2

const words = process.argv.slice(2)
const all = [...CONTENT_CHECKS, ...LOADING_CHECKS, ...COMMAND_CHECKS, ...BUNDLE_CHECKS, ...TYPE_CHECKS]
const waiting = all.filter(({ name }) => words.length === 0 || words.some(word => name.includes(word)))
if (waiting.length === 0) throw new Error(`no check has ${words.join(' or ')} in its name: ${all.map(({ name }) => name).join('; ')}`)

const tarball = packed()
let failed = 0
try {
  await Promise.all(Array.from({ length: AT_ONCE }, work))
} finally {
  rmSync(tarball.folder, { recursive: true, force: true })
}
process.exitCode = failed === 0 ? 0 : 1

async function work (): Promise<void> {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) await run(check)
}

async function run ({ name, run }: Check): Promise<void> {
  const began = performance.now()
  try {
    await run(tarball)
    console.log(`ok - ${name} (${((performance.now() - began) / 1_000).toFixed(1)} s)`)
  } catch (error) {
    failed++
    console.log(`not ok - ${name}\n${error instanceof Error ? error.stack : String(error)}`)
  }
}
