import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { REPOSITORY } from '../../testing/program.js'
import { ended } from './process.js'

export interface Tarball {
  /** The folder that everything is in; outside of the repository, where no package is found but those that are installed. */
  readonly folder: string
  readonly path: string
}

interface Manifest { readonly devDependencies: Readonly<Record<string, string>> }

const { devDependencies: VERSIONS } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as Manifest

/** Builds and packs the repository. */
export function packed (): Tarball {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-package-'))
  const output = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: REPOSITORY, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit']
  })
  const [{ filename }] = JSON.parse(output.slice(output.indexOf('[\n'))) as [{ filename: string }]
  return { folder, path: join(folder, filename) }
}

/**
 * A new folder with these files, where the package is installed, and `others` beside it: `name`, in the version that the repository has for
 * development, or `name@version`.
 */
export async function installed (
  tarball: Tarball, name: string, files: Readonly<Record<string, string>>, others: readonly string[] = []
): Promise<string> {
  const app = join(tarball.folder, name)
  if (others.length === 0) cpSync(await (plain ??= install(tarball, 'plain', [])), app, { recursive: true, verbatimSymlinks: true })
  else await install(tarball, name, others)
  writeFiles(app, files)
  return app
}

// With nothing beside it but Fastify; most checks need no more, and get a copy.
let plain: Promise<string> | undefined

async function install ({ folder, path }: Tarball, name: string, others: readonly string[]): Promise<string> {
  const app = join(folder, name)
  writeFiles(app, { 'package.json': '{ "private": true }\n' })
  const packages = ['fastify', ...others].map(other => VERSIONS[other] === undefined ? other : `${other}@${VERSIONS[other]}`)
  await ended('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', path, ...packages], { cwd: app })
  return app
}

export function writeFiles (folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}
