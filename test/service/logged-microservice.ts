import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../../src/service/app.js'
import { readEnvironment } from '../../src/service/environment.js'
import { captureLog, until } from '../../testing/gateway.js'
import type { LogLine } from '../../testing/gateway.js'
import { EXTENSION } from '../../testing/program.js'

export interface Microservice {
  readonly app: FastifyInstance
  readonly url: string
  readonly port: number
  /** The lines of requests that have reached Fastify, of each request that was refused before, and of tunnels. */
  requests (): LogLine[]
  lines (): LogLine[]
  /** All lines, as one text. */
  text (): string
}

interface Input { readonly upstream?: string, readonly route?: string, readonly level?: string, readonly variables?: NodeJS.ProcessEnv }

/** The microservice with an upstream or a route file, and its log. */
export async function microservice (t: Test, { upstream, route, level = 'info', variables }: Input): Promise<Microservice> {
  const dir = t.testdir()
  if (route !== undefined) writeFileSync(join(dir, `mine${EXTENSION}`), route)
  writeFileSync(join(dir, `health${EXTENSION}`), `export { default } from ${JSON.stringify(new URL(`../../routes/health${EXTENSION}`, import.meta.url).href)}\n`)
  const { stream, lines } = captureLog()
  const given = { DRAIN_DEADLINE_MS: '200', ...upstream === undefined ? undefined : { UPSTREAMS: `/=${upstream}` }, ...variables }
  const app = await buildApp(readEnvironment(given, 'there-is-no.env'), { routes: dir, logger: { level, stream } })
  t.teardown(() => app.close())
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const requests = (): LogLine[] => lines.filter(line => 'clientIp' in line)
  return { app, port, url: `http://127.0.0.1:${port}`, requests, lines: () => lines, text: () => JSON.stringify(lines) }
}

/** The only line of the only request. */
export async function lineOf ({ requests }: Microservice): Promise<LogLine> {
  await until(() => requests().length > 0)
  const [line, ...more] = requests()
  if (more.length > 0) throw new Error(`${more.length + 1} lines: ${JSON.stringify(more)}`)
  return line!
}

/** The lines of this many requests. */
export async function linesOf ({ requests }: Microservice, count: number): Promise<LogLine[]> {
  await until(() => requests().length >= count)
  return requests()
}
