import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const PEERS = join(import.meta.dirname, '../compare/peers')

/** Installs the packages of `peers` that are missing. Returns false if that fails. */
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

/** The installed version of a package of `peers`. */
export function versionOf (name: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(PEERS, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version
  } catch {
    return undefined
  }
}
