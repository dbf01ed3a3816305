import { tokenFault } from '../options/kinds.js'
import { EnvironmentError, wrongValue } from './environment-error.js'
import { readSecretFile } from './secret-file.js'
import type { Values } from './variables.js'

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
  const text = readSecretFile('ADMIN_TOKEN_FILE', path, 'token').replace(/\r?\n$/, '')
  if (text === '') throw wrongValue('ADMIN_TOKEN_FILE', path, 'is empty; write a token into it, made with: openssl rand -hex 32')
  const fault = tokenFault(text)
  if (fault !== undefined) throw wrongValue('ADMIN_TOKEN_FILE', path, `holds a token that ${fault}`)
  return text
}
