import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { answer } from '../../testing/answer.js'
import { startBackend } from '../../testing/backend.js'
import type { Backend, BackendConnection, BackendHooks, BackendRequest } from '../../testing/backend.js'
import type { Certificate } from '../../testing/certificates.js'
import { bytesOf, stepsOf } from './case.js'
import type { BackendDoes, Script } from './case.js'

/** A backend that does what a case says, and remembers what it received. */
export interface ScriptedBackend {
  readonly url: string
  readonly port: number
  readonly backend: Backend | undefined
  /** Resolves when it has received a request, or the head if it answers then. */
  asked (): Promise<void>
  close (): Promise<void>
}

export async function scriptedBackend (does: BackendDoes | undefined, { tls, allowHalfOpen }: { tls?: Certificate, allowHalfOpen?: boolean } = {}): Promise<ScriptedBackend> {
  if (does === 'refuses') return await nobody()
  let heads = 0
  let told: () => void = () => {}
  const first = new Promise<void>(resolve => { told = resolve })
  const hooks = hooksOf(does)
  const mute = does === 'silent' && tls !== undefined
  const backend = await startBackend({
    onConnection: connection => {
      if (mute) connection.takeOver()
      hooks.onConnection?.(connection)
    },
    onHead: (head, connection) => {
      heads++
      told()
      return hooks.onHead?.(head, connection)
    },
    onRequest: hooks.onRequest
  }, { log: true, allowHalfOpen, tls: mute ? undefined : tls })
  return {
    url: mute ? backend.url.replace('http:', 'https:') : backend.url,
    port: backend.port,
    backend,
    asked: async () => heads > 0 ? undefined : await first,
    close: () => backend.close()
  }
}

function hooksOf (does: BackendDoes | undefined): BackendHooks {
  if (does === undefined || does === 'none') return { onRequest: (request, connection) => answer(request, connection) }
  if (does === 'silent') return { onRequest: () => {} }
  if (typeof does === 'function') {
    let nth = 0
    return { onRequest: (request, connection) => play(does(request, ++nth), connection) }
  }
  if (typeof does === 'object' && 'answers' in does) {
    let nth = 0
    return { onRequest: (_request, connection) => play(does.answers[Math.min(nth++, does.answers.length - 1)]!, connection) }
  }
  if (typeof does === 'object' && 'on' in does) {
    const onRequest = (): void => {}
    if (does.on === 'head') return { onRequest, onHead: (_head, connection) => { play(does.script, connection) } }
    return { onRequest, onConnection: connection => { play(does.script, connection) } }
  }
  return { onRequest: (_request: BackendRequest, connection) => play(does as Script, connection) }
}

async function play (script: Script, connection: BackendConnection): Promise<void> {
  const { socket } = connection
  for (const step of stepsOf(script)) {
    if (socket.destroyed) return
    if (typeof step === 'string' || Buffer.isBuffer(step)) socket.write(bytesOf(step))
    else if ('pause' in step) await wait(step.pause)
    else if ('repeat' in step) {
      for (let i = 0; i < step.times && !socket.destroyed; i++) {
        socket.write(bytesOf(step.repeat))
        if (step.every !== undefined) await wait(step.every)
      }
    } else if ('do' in step) {
      if (step.do === 'fin') connection.end()
      else if (step.do === 'reset') connection.reset()
      else if (step.do === 'echo') {
        socket.write(connection.takeOver())
        socket.on('data', chunk => socket.write(chunk))
      } else if (step.do === 'stop reading') socket.pause()
      else if (step.do === 'read on') socket.resume()
    }
  }
}

/** An address without a listener. */
async function nobody (): Promise<ScriptedBackend> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return { url: `http://127.0.0.1:${port}`, port, backend: undefined, asked: async () => {}, close: async () => {} }
}
