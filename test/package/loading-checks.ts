import { equal } from 'node:assert/strict'
import { join } from 'node:path'
import { REPOSITORY } from '../../testing/program.js'
import type { Check } from './check.js'
import { installed } from './packed.js'
import { ended } from './process.js'

/** What an app does, in either module system: it proxies to a backend, and shows its admin page. Prints `answered`. */
export const APP_BODY = `
const main = async () => {
  const backend = createServer((request, response) => response.end('backend ' + request.url)).listen(0, '127.0.0.1')
  await once(backend, 'listening')
  const app = Fastify()
  await app.register(gateway, { admin: { port: 0 } })
  await app.register(proxy, { prefix: '/users', upstream: 'http://127.0.0.1:' + backend.address().port })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  // Hooks of onListen may still be running.
  while (getGateway(app).admin === undefined) await new Promise(setImmediate)
  const admin = getGateway(app).admin.url
  const texts = await Promise.all([url + '/users/7', admin + '/', admin + '/uplot.js'].map(async url => (await fetch(url)).text()))
  const beginnings = ['backend /7', '<!doctype html>', '/**']
  if (!beginnings.every((beginning, i) => texts[i].startsWith(beginning))) throw new Error(texts.map(text => text.slice(0, 200)).join('\\n'))
  await app.close()
  backend.close()
  console.log('answered')
}
main()
`
export const CJS_APP = `const { createServer } = require('node:http')
const { once } = require('node:events')
const Fastify = require('fastify')
const { gateway, getGateway, proxy } = require('holdfast')
${APP_BODY}`
export const ESM_APP = `import { createServer } from 'node:http'
import { once } from 'node:events'
import Fastify from 'fastify'
import { gateway, getGateway, proxy } from 'holdfast'
${APP_BODY}`

const ONE_INSTANCE = `const required = require('holdfast')
import('holdfast').then(imported => {
  const names = Object.keys(required).filter(name => name !== '__esModule').sort()
  const sameNames = JSON.stringify(Object.keys(imported).sort()) === JSON.stringify(names)
  const same = sameNames && names.every(name => imported[name] === required[name])
  console.log(same, required.gateway === imported.gateway, imported.default === required.proxy, names.join(' '))
})
`
const REPLACED = `const httpProxy = require('holdfast')
const { fastifyHttpProxy } = require('holdfast')
const { createServer } = require('node:http')
const Fastify = require('fastify')
const backend = createServer((request, response) => response.end('backend ' + request.url)).listen(0, '127.0.0.1', async () => {
  const app = Fastify()
  const upstream = 'http://127.0.0.1:' + backend.address().port
  app.register(httpProxy, { prefix: '/a', upstream })
  app.register(fastifyHttpProxy, { prefix: '/b', upstream })
  console.log((await app.inject('/a/1')).body, (await app.inject('/b/2')).body)
  await app.close()
  backend.close()
})
`
const JEST = `const { createServer } = require('node:http')
const { once } = require('node:events')
const Fastify = require('fastify')
const { HoldfastError, gateway, getGateway, proxy } = require('holdfast')

test('an app with a gateway answers', async () => {
  const backend = createServer((request, response) => request.pipe(response)).listen(0, '127.0.0.1')
  await once(backend, 'listening')
  const app = Fastify()
  await app.register(gateway, { admin: { port: 0 }, health: true })
  await app.register(proxy, { prefix: '/users', upstream: 'http://127.0.0.1:' + backend.address().port })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  expect(await (await fetch(url + '/users/7', { method: 'POST', body: 'a body' })).text()).toBe('a body')
  expect((await fetch(url + '/health/ready')).status).toBe(200)
  expect([...getGateway(app).targets]).toHaveLength(1)
  await app.close()
  backend.close()
})

test('a wrong option is refused by an error of the package', async () => {
  const app = Fastify()
  await expect(app.register(gateway, { pool: { maxPendin: 1 } })).rejects.toThrow(HoldfastError)
})

test('a second copy, with modules reset, works beside the first', async () => {
  jest.resetModules()
  const app = require('fastify')()
  await app.register(require('holdfast').gateway)
  await app.close()
})
`

export const LOADING_CHECKS: readonly Check[] = [
  {
    name: 'an app loads it by require, by import, and as one instance by both',
    run: async tarball => {
      const files = { 'app.cjs': CJS_APP, 'app.mjs': ESM_APP, 'both.cjs': ONE_INSTANCE, 'replaced.cjs': REPLACED }
      const app = await installed(tarball, 'loading', files)
      for (const name of ['app.cjs', 'app.mjs']) equal(await ended('node', [name], { cwd: app }), 'answered\n', name)
      equal(await ended('node', ['replaced.cjs'], { cwd: app }), 'backend /1 backend /2\n')
      const names = 'HoldfastError default fastifyHttpProxy gateway getGateway lineMask maskUrl provenanceOf proxy requestSerializer'
      equal(await ended('node', ['both.cjs'], { cwd: app }), `true true true ${names}\n`)
    }
  },
  {
    name: 'a test of jest loads it',
    run: async tarball => {
      const app = await installed(tarball, 'jest', { 'app.test.js': JEST }, ['jest@30'])
      await ended('node', [join('node_modules', 'jest', 'bin', 'jest.js'), '--ci'], { cwd: app })
    }
  },
  {
    name: 'a NestJS app in CommonJS, with decorators and their metadata, proxies by it',
    run: async tarball => {
      const app = await installed(tarball, 'nest', { 'main.ts': NEST, 'tsconfig.json': JSON.stringify({ compilerOptions: NEST_OPTIONS }) }, [
        '@nestjs/common@11', '@nestjs/core@11', '@nestjs/platform-fastify@11', 'reflect-metadata@0.2', 'rxjs@7', '@types/node'
      ])
      await ended('node', [join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.'], { cwd: app })
      equal(await ended('node', ['main.js'], { cwd: app }), 'backend /7 {"targets":1}\n')
    }
  }
]

const NEST_OPTIONS = {
  target: 'es2022', module: 'commonjs', moduleResolution: 'node10', strict: true, experimentalDecorators: true, emitDecoratorMetadata: true,
  esModuleInterop: true, skipLibCheck: true
}
const NEST = `import 'reflect-metadata'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Controller, Get, Injectable, Module } from '@nestjs/common'
import type { OnModuleInit } from '@nestjs/common'
import { HttpAdapterHost, NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyInstance } from 'fastify'
import { gateway, getGateway, proxy } from 'holdfast'

const backend = createServer((request, response) => { response.end('backend ' + request.url) })

@Injectable()
class GatewayService implements OnModuleInit {
  constructor (private readonly host: HttpAdapterHost) {}

  get app (): FastifyInstance {
    return this.host.httpAdapter.getInstance<FastifyInstance>()
  }

  async onModuleInit (): Promise<void> {
    await this.app.register(gateway)
    await this.app.register(proxy, { prefix: '/users', upstream: 'http://127.0.0.1:' + (backend.address() as AddressInfo).port })
  }

  count (): number {
    return [...getGateway(this.app).targets].length
  }
}

@Controller('stats')
class StatsController {
  constructor (private readonly service: GatewayService) {}

  @Get()
  stats (): object {
    return { targets: this.service.count() }
  }
}

@Module({ controllers: [StatsController], providers: [GatewayService] })
class AppModule {}

async function main (): Promise<void> {
  await new Promise<void>(resolve => { backend.listen(0, '127.0.0.1', resolve) })
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), { logger: false })
  await app.listen(0, '127.0.0.1')
  const url = await app.getUrl()
  const texts = await Promise.all(['/users/7', '/stats'].map(async path => (await fetch(url + path)).text()))
  console.log(...texts)
  await app.close()
  backend.close()
}

void main()
`
