import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import dockerignore from '@balena/dockerignore'
import { REPOSITORY } from '../../testing/program.js'

/** Puts the tracked files into a folder, with changes that are not committed yet, and without those that .dockerignore leaves out. */
export function makeContext (folder: string): void {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: REPOSITORY, encoding: 'utf8' }).trim()
  // `stash create` makes a commit of the changes, and changes neither files nor branches. Without changes it prints nothing.
  const tree = git('-c', 'user.name=test', '-c', 'user.email=test@localhost', 'stash', 'create') || 'HEAD'
  const archive = execFileSync('git', ['archive', '--format=tar', tree], { cwd: REPOSITORY, maxBuffer: 1 << 30 })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  const kept = dockerignore.default().add(readFileSync(join(folder, '.dockerignore'), 'utf8'))
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  for (const name of names) {
    const path = join(folder, name)
    if (kept.ignores(name) && statSync(path, { throwIfNoEntry: false })?.isFile() === true) rmSync(path)
  }
}
