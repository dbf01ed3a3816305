import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { restAfterBodiless } from '../../src/connection/resting.js'
import { Bounds } from '../instruments/bounds.js'
import { ended, listens } from '../../testing/child-server.js'
import { freePort } from '../../testing/real-nginx.js'
import { printTable, type Row } from '../instruments/table.js'

// Some servers send a body after a head that must have none, such as an answer to HEAD. Measures how long after the head it comes: a
// connection has to rest for so long.

const { values } = parseArgs({ options: { requests: { type: 'string', default: '300' } } })
const REQUESTS = Number(values.requests)
const SILENCE = 500
const APP = `
def app(environ, start_response):
    body = b'a body after HEAD'
    start_response('200 OK', [('Content-Length', str(len(body)))])
    return [body]
`

const bounds = new Bounds()
const rows: Row[] = []
await withGunicorn(async port => measure('gunicorn, gthread', port))
printTable('From the head of an answer to HEAD to the body behind it', rows)
bounds.report()

async function measure (backend: string, port: number): Promise<void> {
  const gaps: number[] = []
  for (let n = 0; n < REQUESTS; n++) {
    const gap = await gapOf(port)
    if (gap !== undefined) gaps.push(gap)
  }
  gaps.sort((a, b) => a - b)
  const at = (part: number): number => Math.round((gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * part))] ?? NaN) * 100) / 100
  rows.push({ backend, bodies: gaps.length, 'median, ms': at(0.5), '99 %': at(0.99), longest: at(1) })
  const longest = gaps.at(-1) ?? 0
  bounds.hold(`${backend}: the longest gap is within the rest`, longest < restAfterBodiless(0), `${longest} ms`)
}

/** Time from the read that ends the head to the first read after it; undefined if nothing came. */
async function gapOf (port: number): Promise<number | undefined> {
  return await new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const end = (gap: number | undefined): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(gap)
    }
    const timer = setTimeout(() => end(undefined), SILENCE)
    let seen = ''
    let headAt: number | undefined
    socket.on('error', () => end(undefined))
    socket.on('data', chunk => {
      if (headAt !== undefined) return end(performance.now() - headAt)
      seen += chunk.toString('latin1')
      const headEnd = seen.indexOf('\r\n\r\n')
      if (headEnd === -1) return
      headAt = performance.now()
      if (seen.length > headEnd + 4) end(0)
    })
    socket.write('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
  })
}

async function withGunicorn (use: (port: number) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-gap-'))
  writeFileSync(join(directory, 'gap.py'), APP)
  const port = await freePort()
  const server = spawn('gunicorn', ['-k', 'gthread', '--threads', '4', '-b', `127.0.0.1:${port}`, 'gap:app'], { cwd: directory, stdio: 'ignore' })
  try {
    while (!await listens(port)) await sleep(50)
    await use(port)
  } finally {
    await ended(server, () => server.kill())
    rmSync(directory, { recursive: true })
  }
}
