import { readFileSync, statSync } from 'node:fs'
import { tokenFault } from '../options/kinds.js'
import { EnvironmentError, wrongValue } from './environment-error.js'
import type { Values } from './variables.js'

// In bytes. A larger file is another file.
const LARGEST_FILE = 4_096

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
  if (token) throw wrongValue('ADMIN_TOKEN_FILE', path, 'is set, and ADMIN_TOKEN too; set one of them')
  // Editors and `openssl rand` end a file with a newline.
  const text = readSecret(path).replace(/\r?\n$/, '')
  if (text === '') throw wrongValue('ADMIN_TOKEN_FILE', path, 'is empty; write a token into it, made with: openssl rand -hex 32')
  const fault = tokenFault(text)
  if (fault !== undefined) throw wrongValue('ADMIN_TOKEN_FILE', path, `holds a token that ${fault}`)
  return text
}

function readSecret (path: string): string {
  try {
    const { size } = statSync(path)
    if (size > LARGEST_FILE) {
      throw wrongValue('ADMIN_TOKEN_FILE', path, `is a file of ${size} bytes, which is no token; give the file that holds the token alone`)
    }
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof EnvironmentError) throw error
    throw wrongValue('ADMIN_TOKEN_FILE', path, faultOf(error as NodeJS.ErrnoException))
  }
}

function faultOf ({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT': case 'ENOTDIR': return 'does not exist; mount the secret there, or correct the path'
    case 'EISDIR': return 'is a directory; give the file in it that holds the token'
    case 'EACCES': case 'EPERM': return `may not be read by this user (uid ${process.getuid?.() ?? 'unknown'}); give it read permission`
    default: return `cannot be read: ${message}; give a file that holds the token alone`
  }
}
