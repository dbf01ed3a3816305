import { spawnSync } from 'node:child_process'
import { chmodSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** How a process is started as in a container: a program, and the arguments before its command. */
export interface Confinement {
  /** Says which means this machine allows. */
  readonly how: string
  readonly program: string
  readonly before: readonly string[]
}

// A mount namespace of its own, whose root is read-only; then the user of the image, without any capability. Each part replaces itself by
// the next (exec), so signals reach the command.
const READ_ONLY = 'mount --make-rprivate / && mount -o remount,bind,ro / && exec "$@"'

/**
 * How to run commands in a folder as the image runs: as a user that is not root, on a file system that cannot be written to. Where this
 * process is not root, it takes the write permission from the folder's files, and commands run as this user.
 *
 * @param user by number, for the user and the group
 */
export function confinement (user: number, folder: string): Confinement {
  const asUser = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all']
  if (process.getuid?.() !== 0) {
    takeWritePermission(folder)
    return { how: 'as this user, who is not root, in a folder without write permission', program: 'env', before: [] }
  }
  const readOnly = ['-m', 'sh', '-c', READ_ONLY, 'sh', ...asUser]
  if (spawnSync('unshare', [...readOnly, 'true']).status === 0) {
    return { how: `as user ${user}, on a read-only file system`, program: 'unshare', before: readOnly }
  }
  takeWritePermission(folder)
  return { how: `as user ${user}, in a folder without write permission: this machine allows no mount`, program: asUser[0]!, before: asUser.slice(1) }
}

function takeWritePermission (folder: string): void {
  for (const name of ['.', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })]) {
    const path = join(folder, name)
    const stat = lstatSync(path)
    if (!stat.isSymbolicLink()) chmodSync(path, stat.mode & 0o555)
  }
}
