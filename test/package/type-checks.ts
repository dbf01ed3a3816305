import { join } from 'node:path'
import { REPOSITORY } from '../../testing/program.js'
import { blocks, snippetOf } from '../docs/snippets.js'
import type { Check } from './check.js'
import { installed, writeFiles } from './packed.js'
import type { Tarball } from './packed.js'
import { ended } from './process.js'

const TSC = join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc')
const STRICT = {
  target: 'es2022', strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, noEmit: true
}

const APP = `import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import httpProxy, { HoldfastError, fastifyHttpProxy, gateway, getGateway, provenanceOf, proxy } from 'holdfast'
import type { ConnectionObserver, FastifyHttpProxyOptions, GatewayOptions, MetricsOptions, ProxyOptions, Target, TargetPatch } from 'holdfast'

export async function build (): Promise<FastifyInstance> {
  const app = Fastify()
  const metrics: MetricsOptions = { path: '/metrics' }
  const options: GatewayOptions = { undiciOptions: { connections: 8 }, pool: { maxPending: 10 }, metrics }
  const route: ProxyOptions = { prefix: '/a', upstream: 'http://127.0.0.1:9', websocket: true, retry: { stale: false } }
  const replyOptions: NonNullable<FastifyHttpProxyOptions['replyOptions']> = { onError: reply => { reply.send() } }
  const known: FastifyHttpProxyOptions = { prefix: '/b', upstream: 'http://127.0.0.1:9', rewritePrefix: '/c', replyOptions }
  await app.register(gateway, options)
  await app.register(proxy, route)
  await app.register(httpProxy, known)
  await app.register(fastifyHttpProxy, { prefix: '/d', upstream: 'http://127.0.0.1:9' })
  const observer: ConnectionObserver = { closed: (connection, reason) => { app.log.info({ age: connection.age }, reason) } }
  getGateway(app).observe(observer)
  app.addHook('onResponse', async (_request, reply) => { reply.log.info(provenanceOf(reply)?.nth) })
  app.setErrorHandler((error, _request, reply) => reply.code(error instanceof HoldfastError ? error.statusCode : 500).send())
  const patch: TargetPatch = { pool: { maxPending: 20 } }
  const target: Target | undefined = app.gateway?.targets.get('http://127.0.0.1:9')
  target?.update(patch)
  return app
}
// @ts-expect-error: an option that does not exist
export const wrong: GatewayOptions = { pool: { maxWaiting: 1 } }
`
// As TypeScript asks for it in CommonJS with verbatimModuleSyntax.
const IMPORT_EQUALS = `import holdfast = require('holdfast')
import Fastify = require('fastify')
const app = Fastify()
app.register(holdfast.gateway, { pool: { maxPending: 1 } })
app.register(holdfast.proxy, { upstream: 'http://127.0.0.1:9' })
app.register(holdfast.default, { upstream: 'http://127.0.0.1:9' })
`

interface Consumer {
  readonly type: 'commonjs' | 'module'
  readonly files?: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, unknown>>
}

// One folder of packages for all of them.
let types: Promise<string> | undefined

const NODE10 = { module: 'commonjs', moduleResolution: 'node10' }
const DOM = { lib: ['es2023', 'dom', 'dom.iterable'] }
const CONSUMERS: Readonly<Record<string, Consumer>> = {
  'commonjs, node10': { type: 'commonjs', options: { ...NODE10, esModuleInterop: true } },
  'commonjs, node10, lib DOM': { type: 'commonjs', options: { ...NODE10, esModuleInterop: true, ...DOM } },
  // pino's own declarations need esModuleInterop.
  'commonjs, node10, no esModuleInterop': { type: 'commonjs', options: { ...NODE10, skipLibCheck: true } },
  'node16, CommonJS': { type: 'commonjs', options: { module: 'node16' } },
  'nodenext, CommonJS, verbatimModuleSyntax': {
    type: 'commonjs', files: { 'app.ts': IMPORT_EQUALS }, options: { module: 'nodenext', verbatimModuleSyntax: true }
  },
  'node16, ESM': { type: 'module', options: { module: 'node16', verbatimModuleSyntax: true } },
  'nodenext, ESM, lib DOM': { type: 'module', options: { module: 'nodenext', verbatimModuleSyntax: true, ...DOM } },
  'bundler, verbatimModuleSyntax': { type: 'commonjs', options: { module: 'preserve', moduleResolution: 'bundler', verbatimModuleSyntax: true } },
  'bundler, ESNext, lib DOM': { type: 'module', options: { module: 'esnext', moduleResolution: 'bundler', isolatedModules: true, ...DOM } }
}

export const TYPE_CHECKS: readonly Check[] = [
  ...Object.entries(CONSUMERS).map(([name, { type, files = { 'app.ts': APP }, options }]) => ({
    name: `TypeScript: ${name}`,
    run: async (tarball: Tarball) => {
      const root = await (types ??= installed(tarball, 'types', {}, ['@types/node']))
      const folder = name.replace(/\W+/g, '-')
      const tsconfig = JSON.stringify({ compilerOptions: { ...STRICT, ...options } })
      writeFiles(join(root, folder), { 'package.json': JSON.stringify({ type }), 'tsconfig.json': tsconfig, ...files })
      await ended('node', [TSC, '-p', folder], { cwd: root })
    }
  })),
  {
    name: 'the snippets of README and docs compile, strictly, with lib DOM',
    run: async tarball => {
      const snippets = blocks().flatMap(block => snippetOf(block) ?? []).filter(({ language }) => language === 'ts')
      const files = Object.fromEntries(snippets.map(({ where, text }) => [`snippets/${where.replace(/\W+/g, '-')}.ts`, text]))
      const compilerOptions = { ...STRICT, module: 'nodenext', verbatimModuleSyntax: true, skipLibCheck: true, ...DOM }
      const root = await installed(tarball, 'snippets', { ...files, 'tsconfig.json': JSON.stringify({ compilerOptions }) }, ['@types/node', 'undici'])
      writeFiles(root, { 'snippets/package.json': '{ "type": "module" }' })
      await ended('node', [TSC, '-p', '.'], { cwd: root })
    }
  }
]
