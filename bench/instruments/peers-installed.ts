import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const PEERS = join(import.meta.dirname, '../compare/peers')

/** Installs the packages of `peers` that are not there yet; false where they cannot be had. */
export function peersInstalled (): boolean {
  if (isInstalled()) return true
  try {
    execFileSync('npm', ['ci', '--prefix', PEERS, '--no-audit', '--no-fund'], { stdio: 'ignore' })
  } catch {
    return false
  }
  return isInstalled()
}

function isInstalled (): boolean {
  const { dependencies } = JSON.parse(readFileSync(join(PEERS, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  return Object.entries(dependencies).every(([name, version]) => versionOf(name) === version)
}

/** Of a package of `peers`, as it is installed. */
export function versionOf (name: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(PEERS, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version
  } catch {
    return undefined
  }
}
