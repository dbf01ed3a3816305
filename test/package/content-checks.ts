import { deepEqual, ok } from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../../testing/program.js'
import { faultOf, linksIn } from '../docs/links.js'
import type { Check } from './check.js'
import { installed } from './packed.js'
import { ended } from './process.js'

const BIN = join(REPOSITORY, 'node_modules', '.bin')

export const CONTENT_CHECKS: readonly Check[] = [
  {
    name: 'publint finds nothing',
    run: async ({ path, folder }) => { await ended(join(BIN, 'publint'), [path, '--strict'], { cwd: folder }) }
  },
  {
    name: 'are the types wrong: no, in every kind of resolution',
    run: async ({ path, folder }) => { await ended(join(BIN, 'attw'), [path], { cwd: folder }) }
  },
  {
    name: 'each link of a packed page leads to a packed file',
    run: async tarball => {
      const root = packageIn(await installed(tarball, 'content', {}))
      const pages = filesOf(root).filter(name => name.endsWith('.md'))
      ok(pages.includes('README.md') && pages.includes(join('docs', 'api.md')), pages.join(', '))
      const faults = pages.flatMap(name => {
        const document = { name, text: readFileSync(join(root, name), 'utf8') }
        return linksIn(document).map(link => faultOf(root, document, link)).filter(fault => fault !== undefined).map(fault => `${name}: ${fault}`)
      })
      deepEqual(faults, [])
    }
  },
  {
    name: 'nothing is packed that is of no use without the sources',
    run: async tarball => {
      const root = packageIn(await installed(tarball, 'useless', {}))
      deepEqual(filesOf(root).filter(name => /\.map$|\.test\.|^(?:src|plugins|test|testing|scripts)\//.test(name)), [])
      deepEqual(filesOf(join(root, 'dist', 'routes')), ['health.js', 'samples.js'], 'a user\'s route files stay at home')
      const code = filesOf(root).filter(name => /\.[cm]?js$/.test(name) && !name.endsWith('page-files.js'))
      deepEqual(code.filter(name => /\bimport\.meta\b/.test(readFileSync(join(root, name), 'utf8'))), [])
      ok(!existsSync(join(root, '..', 'uplot')), 'the page brings uPlot along')
    }
  }
]

function packageIn (app: string): string {
  return join(app, 'node_modules', 'holdfast')
}

function filesOf (folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort()
}
