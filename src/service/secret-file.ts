import { closeSync, constants, openSync, readSync } from 'node:fs'
import { wrongValue } from './environment-error.js'

// In bytes. A larger file is another file.
const LARGEST_FILE = 4_096
// How long the writer of a pipe may take, as in <(command) of a shell, and how long a look at it is apart from the next, in ms.
const PATIENCE = 5_000
const PAUSE = 10
// Tokens have slashes too, but seldom begin so.
const PATH = /^\.{0,2}\//

/**
 * The text of a file that holds a secret. Throws EnvironmentError, without the text.
 *
 * @param variable that names the file
 * @param what the file holds, for the message
 */
export function readSecretFile (variable: string, path: string, what: 'token' | 'secret'): string {
  let file: number | undefined
  try {
    // A FIFO that no process writes to would block the start, and signals with it.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const text = readAtMost(file, LARGEST_FILE + 1)
    if (text.length <= LARGEST_FILE) return text.toString()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // What was opened is a path. Any other value may be the secret.
    const known = file !== undefined || PATH.test(path)
    throw wrongValue(variable, known ? path : '***', faultOf(code, known, what))
  } finally {
    if (file !== undefined) closeSync(file)
  }
  throw wrongValue(variable, path, `has more than ${LARGEST_FILE} bytes, which are no ${what}; give the file that holds the ${what} alone`)
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

function faultOf (code: string | undefined, known: boolean, what: string): string {
  switch (code) {
    case 'ENOENT': case 'ENOTDIR': case 'ENAMETOOLONG':
      return `does not exist; ${known ? 'mount the secret there, or correct the path' : `give the path of a file, not the ${what} itself`}`
    case 'EISDIR': return `is a directory; give the file in it that holds the ${what}`
    case 'EACCES': case 'EPERM': return `may not be read by this user (uid ${process.getuid?.() ?? 'unknown'}); give it read permission`
    case 'EAGAIN': return `did not end within ${PATIENCE / 1_000} s; give a file that holds the ${what} alone`
    default: return `cannot be read (${code}); give a file that holds the ${what} alone`
  }
}
