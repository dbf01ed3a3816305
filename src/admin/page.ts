import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { UPLOT_FILES } from '../quirks/uplot.js'
import { closeReasonsAsModule } from './close-reason-texts.js'
import { serve } from './serve.js'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml'
}
const INDEX = 'index.html'
const PAGE_FILE = /^[\w-]+\.(?:html|js|css|svg)$/

/** Reads the files of the page, by name. Requests are answered from this map, and never read the disk. */
export async function readPage (): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>()
  // The page is not compiled: its folder is beside `src/`, and in a package beside `dist/`.
  const folder = ['../../dashboard/', '../../../dashboard/'].map(path => fileURLToPath(new URL(path, import.meta.url))).find(existsSync)
  if (folder === undefined) return files
  for (const name of await readdir(folder)) {
    if (PAGE_FILE.test(name)) files.set(name, await readFile(folder + name))
  }
  const { resolve } = createRequire(import.meta.url)
  for (const [name, path] of Object.entries(UPLOT_FILES)) files.set(name, await readFile(resolve(path)))
  files.set('close-reason.js', Buffer.from(closeReasonsAsModule()))
  return files
}

/** Serves the page at `/`, and its files beside it. */
export function servePage (scope: FastifyInstance, files: ReadonlyMap<string, Buffer>): void {
  for (const [name, content] of files) {
    const etag = `"${createHash('sha256').update(content).digest('base64url')}"`
    serve(scope, name === INDEX ? '/' : `/${name}`, {
      GET: ({ headers }, reply) => {
        // Browsers check for a new version at each request, so that an updated gateway shows its own page.
        reply.headers({ 'cache-control': 'no-cache', etag })
        if (headers['if-none-match'] === etag) return reply.code(304).send()
        return reply.type(TYPES[extname(name)]!).send(content)
      }
    })
  }
}
