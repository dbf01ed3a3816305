import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/**
 * Compiles the package, so that what is measured is what is shipped, and returns the path of its entry. The output is not `dist`, which may
 * be in use. It lies below `node_modules`, where it finds its dependencies.
 */
export function compile (): string {
  const cache = join(root, 'node_modules', '.cache')
  mkdirSync(cache, { recursive: true })
  const out = mkdtempSync(join(cache, 'bench-'))
  process.once('exit', () => rmSync(out, { recursive: true, force: true }))
  execFileSync(process.execPath, ['--import=tsx', 'scripts/build.ts', out], { cwd: root, stdio: 'inherit' })
  writeFileSync(join(out, 'package.json'), '{ "type": "module" }\n')
  return join(out, 'src', 'index.mjs')
}
