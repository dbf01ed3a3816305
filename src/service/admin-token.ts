import { closeSync, constants, openSync, readSync } from 'node:fs'
import { tokenFault } from '../options/kinds.js'
import { EnvironmentError, wrongValue } from './environment-error.js'
import type { Values } from './variables.js'

// In bytes. A larger file is another file.
const LARGEST_FILE = 4_096
// How long the writer of a pipe may take, as in <(command) of a shell, and how long a look at it is apart from the next, in ms.
const PATIENCE = 5_000
const PAUSE = 10
// Tokens have slashes too, but seldom begin so.
const PATH = /^\.{0,2}\//

/**
 * The token in ADMIN_TOKEN, or in the file of ADMIN_TOKEN_FILE; undefined where neither is set. Throws EnvironmentError for both together,
 * for a file that cannot be read, and for a token that is too short or cannot be sent. No message holds the token.
 */
export function readAdminToken ({ ADMIN_TOKEN: token, ADMIN_TOKEN_FILE: path }: Values): string | undefined {
  if (!path) {
    const fault = token ? tokenFault(token) : undefined
    if (fault !== undefined) throw new EnvironmentError(`ADMIN_TOKEN: ${fault}`)
    return token || undefined
  }
  if (token) throw new EnvironmentError('ADMIN_TOKEN_FILE: is set, and ADMIN_TOKEN too; set one of them')
  // Editors and `openssl rand` end a file with a newline.
  const text = readSecret(path).replace(/\r?\n$/, '')
  if (text === '') throw wrongValue('ADMIN_TOKEN_FILE', path, 'is empty; write a token into it, made with: openssl rand -hex 32')
  const fault = tokenFault(text)
  if (fault !== undefined) throw wrongValue('ADMIN_TOKEN_FILE', path, `holds a token that ${fault}`)
  return text
}

function readSecret (path: string): string {
  let file: number | undefined
  try {
    // A FIFO that no process writes to would block the start, and signals with it.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const text = readAtMost(file, LARGEST_FILE + 1)
    if (text.length <= LARGEST_FILE) return text.toString()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // What was opened is a path. Any other value may be the token.
    const known = file !== undefined || PATH.test(path)
    throw wrongValue('ADMIN_TOKEN_FILE', known ? path : '***', faultOf(code, known))
  } finally {
    if (file !== undefined) closeSync(file)
  }
  const fault = `has more than ${LARGEST_FILE} bytes, which are no token; give the file that holds the token alone`
  throw wrongValue('ADMIN_TOKEN_FILE', path, fault)
}

/** The bytes of a file, or the first `most` of them. What comes through a pipe is waited for, within PATIENCE. */
function readAtMost (file: number, most: number): Buffer {
  const bytes = Buffer.alloc(most)
  const deadline = Date.now() + PATIENCE
  let length = 0
  while (length < most) {
    try {
      const read = readSync(file, bytes, length, most - length, null)
      if (read === 0) break
      length += read
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || Date.now() >= deadline) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE)
    }
  }
  return bytes.subarray(0, length)
}

function faultOf (code: string | undefined, known: boolean): string {
  switch (code) {
    case 'ENOENT': case 'ENOTDIR': case 'ENAMETOOLONG':
      return `does not exist; ${known ? 'mount the secret there, or correct the path' : 'give the path of a file, not the token itself'}`
    case 'EISDIR': return 'is a directory; give the file in it that holds the token'
    case 'EACCES': case 'EPERM': return `may not be read by this user (uid ${process.getuid?.() ?? 'unknown'}); give it read permission`
    case 'EAGAIN': return `did not end within ${PATIENCE / 1_000} s; give a file that holds the token alone`
    default: return `cannot be read (${code}); give a file that holds the token alone`
  }
}
