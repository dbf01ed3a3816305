import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { wrk } from './wrk.js'

const CLIENTS = 64
const run = promisify(execFile)

export interface Loaded {
  requests: number
  errors: number
}

/** What makes the load: wrk if it is installed, otherwise a process of our own, which leaves less CPU to the gateway. */
export const loadedBy = await run('wrk', ['-v']).then(() => 'wrk', (error: { code: unknown }) => error.code === 'ENOENT' ? 'our own clients' : 'wrk')

/** Sends keep-alive GETs over 64 client connections for a time, from another process. */
export async function load (url: string, seconds: number): Promise<Loaded> {
  return loadedBy === 'wrk' ? await wrk(url, { seconds, connections: CLIENTS }) : await loadByProcess(url, seconds)
}

async function loadByProcess (url: string, seconds: number): Promise<Loaded> {
  const child = fork(join(import.meta.dirname, 'load-process.ts'), [new URL(url).port, String(CLIENTS), String(seconds)], { execArgv: ['--import=tsx'] })
  return (await once(child, 'message'))[0] as Loaded
}
