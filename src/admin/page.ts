import { createHash } from 'node:crypto'
import { extname } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { closeReasonsAsModule } from './close-reason-texts.js'
import { readPageFiles } from './page-files.js'
import { serve } from './serve.js'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml'
}
const INDEX = 'index.html'

/** Reads the files of the page, by name. Requests are answered from this map, and never read the disk. */
export async function readPage (): Promise<ReadonlyMap<string, Buffer>> {
  return new Map([...await readPageFiles(), ['close-reason.js', Buffer.from(closeReasonsAsModule())]])
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
