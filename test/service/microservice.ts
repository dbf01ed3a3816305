import { mkdirSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../../src/service/app.js'
import { readEnvironment } from '../../src/service/environment.js'
import type { LoggerOptions } from '../../src/service/logger.js'
import { EXTENSION } from '../../testing/program.js'

export interface Input { variables?: NodeJS.ProcessEnv, routes?: string, logger?: LoggerOptions }

/** The microservice; closed with its test. */
export async function appFor (t: Test, { variables = {}, routes, logger = false }: Input = {}): Promise<FastifyInstance> {
  const app = await buildApp(readEnvironment({ ADMIN_PORT: '0', SAMPLE_LOAD: '0', ...variables }, 'there-is-no.env'), { routes, logger })
  t.teardown(() => app.close())
  return app
}

/** The microservice, on a free port. */
export async function listening (t: Test, input?: Input): Promise<{ app: FastifyInstance, url: string }> {
  const app = await appFor(t, input)
  await app.listen({ port: 0 })
  return { app, url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` }
}

/** A folder with the microservice's route files, and these beside them. */
export function routesFor (t: Test, files: Record<string, string>): string {
  const dir = t.testdir()
  for (const name of ['health', 'samples'].map(name => name + EXTENSION)) {
    // The original modules, not copies, since they hold the gateway's state.
    writeFileSync(join(dir, name), `export { default } from ${JSON.stringify(new URL(`../../routes/${name}`, import.meta.url).href)}\n`)
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), text)
  }
  return dir
}
