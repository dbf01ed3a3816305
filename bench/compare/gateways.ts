import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import ts from 'typescript'
import { ended, listens, urlOf } from '../../testing/child-server.js'
import { compile } from '../instruments/compiled.js'
import { haproxyConfiguration, nginxConfiguration } from './configurations.js'
import { peersInstalled, versionOf } from '../instruments/peers-installed.js'
import type { PeerSetup } from './peers/serve.js'
import { freePort, nginxInstalled } from '../../testing/real-nginx.js'

// The gateways to compare, each in a process of its own. Those of Node run without a loader, which would add to their memory.

export type GatewayName = 'holdfast' | 'stock' | 'fast-gateway' | 'fast-proxy-lite' | 'http-proxy' | 'http-proxy-middleware' | 'httpxy' | 'floor' | 'nginx' | 'haproxy'

export interface RunningGateway {
  readonly url: string
  readonly pid: number
  stop (): Promise<void>
}

/** A Node process that reports the size of its heap, in bytes. */
export interface NodeGateway extends RunningGateway {
  heap (): Promise<number>
  /** Garbage collected; the process needs --expose-gc. */
  collectedHeap (): Promise<number>
}

export interface GatewayKind {
  readonly name: GatewayName
  /** The name that its users know. */
  readonly title: string
  /** Whether it is a proxy in Node that Holdfast could replace. */
  readonly node: boolean
  /** Undefined if it is not installed. */
  version (): string | undefined
}

const ROOT = join(import.meta.dirname, '../..')

export const HOLDFAST: GatewayKind = { name: 'holdfast', title: 'Holdfast', node: false, version: () => ofRoot('.') }
export const PEERS: readonly GatewayKind[] = [
  { name: 'stock', title: '@fastify/http-proxy', node: true, version: () => ofRoot('node_modules/@fastify/http-proxy') },
  ofPeers('fast-gateway'),
  ofPeers('fast-proxy-lite'),
  ofPeers('http-proxy'),
  ofPeers('http-proxy-middleware'),
  ofPeers('httpxy'),
  { name: 'nginx', title: 'nginx', node: false, version: () => nginxInstalled() ? saidBy('nginx', /nginx\/([\d.]+)/) : undefined },
  { name: 'haproxy', title: 'HAProxy', node: false, version: () => saidBy('haproxy', /version ([\d.]+)/) },
  { name: 'floor', title: 'floor', node: false, version: () => `undici ${ofRoot('node_modules/undici')}` }
]

let built: { processes: string, entry: string } | undefined
let peersThere: boolean | undefined

/** Starts a gateway; the caller stops it. Rejects if it does not start. */
export async function startPeer (name: 'nginx' | 'haproxy', setup: PeerSetup): Promise<RunningGateway>
export async function startPeer (name: Exclude<GatewayName, 'nginx' | 'haproxy'>, setup: PeerSetup, nodeArguments?: string[]): Promise<NodeGateway>
export async function startPeer (name: GatewayName, setup: PeerSetup): Promise<RunningGateway>
export async function startPeer (name: GatewayName, setup: PeerSetup, nodeArguments: string[] = []): Promise<RunningGateway> {
  switch (name) {
    case 'nginx': return await startServer(setup, nginxConfiguration, (directory, file) => ['nginx', '-p', directory, '-c', file])
    case 'haproxy': return await startServer(setup, haproxyConfiguration, (_directory, file) => ['haproxy', '-db', '-q', '-f', file])
    default: return await startNode(name, setup, nodeArguments)
  }
}

async function startNode (name: GatewayName, setup: PeerSetup, nodeArguments: string[]): Promise<NodeGateway> {
  built ??= { processes: transpile(), entry: compile() }
  const script = name === 'floor' ? 'floor.js' : join('peers', `${name}.js`)
  const child = fork(join(built.processes, script), [JSON.stringify({ ...setup, entry: built.entry })], { execArgv: nodeArguments })
  const url = await urlOf(child, name)
  return {
    url,
    pid: child.pid!,
    heap: async () => await heapOf(child, false),
    collectedHeap: async () => await heapOf(child, true),
    stop: async () => await ended(child, () => child.disconnect())
  }
}

async function heapOf (child: ChildProcess, collect: boolean): Promise<number> {
  const answered = once(child, 'message') as Promise<[{ heap: number }]>
  child.send({ collect })
  return (await answered)[0].heap
}

/** Compiled to JavaScript, beside the packages that they import. */
function transpile (): string {
  const cache = join(import.meta.dirname, 'peers', 'node_modules', '.cache')
  mkdirSync(cache, { recursive: true })
  const out = mkdtempSync(join(cache, 'processes-'))
  process.once('exit', () => rmSync(out, { recursive: true, force: true }))
  mkdirSync(join(out, 'peers'))
  writeFileSync(join(out, 'package.json'), '{ "type": "module" }\n')
  const sources = readdirSync(join(import.meta.dirname, 'peers')).filter((file) => file.endsWith('.ts')).map((file) => join('peers', file))
  for (const source of ['floor.ts', ...sources]) {
    const { outputText } = ts.transpileModule(readFileSync(join(import.meta.dirname, source), 'utf8'), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true }
    })
    writeFileSync(join(out, source.replace(/\.ts$/, '.js')), outputText)
  }
  return out
}

async function startServer (setup: PeerSetup, configuration: (setup: PeerSetup, port: number, directory: string) => string, command: (directory: string, file: string) => string[]): Promise<RunningGateway> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-peer-'))
  const port = await freePort()
  if (setup.ca !== undefined) writeFileSync(join(directory, 'ca.pem'), setup.ca)
  const file = join(directory, 'configuration')
  writeFileSync(file, configuration(setup, port, directory))
  const [program = '', ...parameters] = command(directory, file)
  const child = spawn(program, parameters, { stdio: ['ignore', 'ignore', 'inherit'] })
  const left = (): unknown => child.kill()
  process.once('exit', left)
  while (child.exitCode === null && !await listens(port)) await wait(20)
  if (child.exitCode !== null) throw new Error(`${basename(program)} ended with ${child.exitCode} before it listened`)
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid!,
    async stop () {
      await ended(child, () => child.kill('SIGTERM'))
      process.off('exit', left)
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

function ofPeers (name: GatewayName): GatewayKind {
  return {
    name,
    title: name,
    node: true,
    version () {
      peersThere ??= peersInstalled()
      return peersThere ? versionOf(name) : undefined
    }
  }
}

function ofRoot (folder: string): string {
  return (JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as { version: string }).version
}

/** nginx writes its version to standard error. */
function saidBy (program: string, version: RegExp): string | undefined {
  try {
    return version.exec(execFileSync('sh', ['-c', `${program} -v 2>&1`], { encoding: 'utf8' }))?.[1] ?? 'of an unknown version'
  } catch {
    return undefined
  }
}
