import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { isInstalled } from '../../testing/real-servers.js'
import { certificates } from '../../testing/certificates.js'
import { program } from '../../testing/program.js'
import { ended, listens, urlOf } from '../../testing/child-server.js'
import { freePort } from '../../testing/real-nginx.js'

// Servers that answer an upload before they have read it. Some then read the rest, some close the connection.

export type NodeBackendName = 'fastify' | 'node' | 'node-close' | 'closes' | 'closes-later'

export interface EarlyBackend {
  readonly name: string
  /** The right answer to an upload of so many bytes. */
  readonly status: number
  /** The program that it needs. */
  readonly command?: string
  start (): Promise<{ url: string, stop (): Promise<void> }>
}

const GO = `package main

import ("net"; "net/http"; "os")

func main() {
  server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("early")) })}
  server.SetKeepAlivesEnabled(os.Args[2] == "keep")
  listener, err := net.Listen("tcp", "127.0.0.1:" + os.Args[1])
  if err != nil { panic(err) }
  if len(os.Args) > 3 { server.ServeTLS(listener, os.Args[3], os.Args[4]) } else { server.Serve(listener) }
}
`
const WSGI = `
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', '5')])
    return [b'early']
`
const RACK = 'run lambda { |env| [200, { "Content-Type" => "text/plain", "Content-Length" => "5" }, ["early"]] }\n'

export const EARLY_BACKENDS: readonly EarlyBackend[] = [
  { name: 'Fastify, bodyLimit', status: 413, start: () => node('fastify') },
  { name: 'Fastify, bodyLimit, TLS', status: 413, start: () => node('fastify', true) },
  { name: 'node:http', status: 200, start: () => node('node') },
  { name: 'node:http, Connection: close', status: 200, start: () => node('node-close') },
  { name: 'node:http, Connection: close, TLS', status: 200, start: () => node('node-close', true) },
  { name: 'answers and closes', status: 200, start: () => node('closes') },
  { name: 'answers, closes 20 ms later', status: 200, start: () => node('closes-later') },
  { name: 'Go', status: 200, command: 'go', start: () => go(['keep']) },
  { name: 'Go, no keep-alive', status: 200, command: 'go', start: () => go(['close']) },
  { name: 'Go, no keep-alive, TLS', status: 200, command: 'go', start: () => go(['close'], true) },
  { name: 'gunicorn, sync', status: 200, command: 'gunicorn', start: () => spawned(port => ['gunicorn', '-b', `127.0.0.1:${port}`, '--log-level', 'critical', 'early:application'], 'SIGQUIT') },
  { name: 'gunicorn, gthread', status: 200, command: 'gunicorn', start: () => spawned(port => ['gunicorn', '-k', 'gthread', '--threads', '8', '-b', `127.0.0.1:${port}`, '--log-level', 'critical', 'early:application'], 'SIGQUIT') },
  { name: 'unicorn', status: 200, command: 'unicorn', start: () => spawned(port => ['unicorn', '-l', `127.0.0.1:${port}`, 'config.ru'], 'SIGQUIT') },
  { name: 'uWSGI', status: 200, command: 'uwsgi', start: () => spawned(port => ['uwsgi', '--need-plugin', 'python3', '--http-socket', `127.0.0.1:${port}`, '--wsgi-file', 'early.py', '--disable-logging'], 'SIGINT') }
]

/** The backends whose program is installed. Prints the names of the others as skipped. */
export function earlyBackends (): EarlyBackend[] {
  return EARLY_BACKENDS.filter(({ name, command }) => {
    const there = command === undefined || isInstalled(command)
    if (!there) console.log(`skipped, it is not installed: ${name}`)
    return there
  })
}

async function node (name: NodeBackendName, tls = false): Promise<{ url: string, stop (): Promise<void> }> {
  const child = spawn(process.execPath, [...program(join(import.meta.dirname, 'early-answers-process')), name, ...tls ? [JSON.stringify(certificates().server)] : []], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const url = await urlOf(child, name)
  return { url, stop: async () => await ended(child, () => child.disconnect()) }
}

let compiled: string | undefined

/** Compiled once; the caller stops it. */
async function go (mode: string[], tls = false): Promise<{ url: string, stop (): Promise<void> }> {
  compiled ??= compiledGo()
  const files = tls ? ['cert.pem', 'key.pem'].map(file => join(compiled!, '../..', file)) : []
  const { url, stop } = await spawned(port => [compiled!, `${port}`, ...mode, ...files], 'SIGTERM')
  return { url: tls ? url.replace('http:', 'https:') : url, stop }
}

function compiledGo (): string {
  const directory = mkdtempSync(join(tmpdir(), 'early-go-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const { cert, key } = certificates().server
  writeFileSync(join(directory, 'cert.pem'), cert)
  writeFileSync(join(directory, 'key.pem'), key)
  writeFileSync(join(directory, 'early.go'), GO)
  execFileSync('go', ['build', '-o', 'early', 'early.go'], { cwd: directory, env: { ...process.env, GOCACHE: join(directory, 'cache'), GO111MODULE: 'off' } })
  return join(directory, 'early')
}

async function spawned (commandOf: (port: number) => string[], signal: NodeJS.Signals): Promise<{ url: string, stop (): Promise<void> }> {
  const directory = mkdtempSync(join(tmpdir(), 'early-backend-'))
  writeFileSync(join(directory, 'early.py'), WSGI)
  writeFileSync(join(directory, 'config.ru'), RACK)
  const port = await freePort()
  const [command = '', ...args] = commandOf(port)
  const child = spawn(command, args, { cwd: directory, stdio: 'ignore' })
  while (child.exitCode === null && !await listens(port)) await wait(50)
  if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode} before it listened`)
  return {
    url: `http://127.0.0.1:${port}`,
    async stop () {
      await ended(child, () => child.kill(signal))
      rmSync(directory, { recursive: true, force: true })
    }
  }
}
