import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import dockerignore from '@balena/dockerignore'
import { REPOSITORY } from '../../testing/program.js'

/** Puts the tracked files into a folder, as they are in the work tree, without those that .dockerignore leaves out. */
export function makeContext (folder: string): void {
  const left = dockerignore.default().add(readFileSync(join(REPOSITORY, '.dockerignore'), 'utf8'))
  // It takes no lock of git's index, which other checks may hold.
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: REPOSITORY, encoding: 'utf8', maxBuffer: 1 << 30 })
  for (const name of tracked.split('\0')) {
    // A tracked file may have been removed from the work tree.
    if (name === '' || left.ignores(name) || !existsSync(join(REPOSITORY, name))) continue
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    cpSync(join(REPOSITORY, name), join(folder, name), { verbatimSymlinks: true })
  }
}
