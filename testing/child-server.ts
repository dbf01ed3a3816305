import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'

/** The `url` in the first message of a server process. Rejects if the process ends before. */
export async function urlOf (child: ChildProcess, name: string): Promise<string> {
  return await new Promise<string>((resolve, reject) => {
    child.once('message', (message: { url: string }) => resolve(message.url))
    child.once('exit', (code, signal) => reject(new Error(`${name} ended with ${signal ?? code} before it listened`)))
  })
}

/** Ends a process by the given function, and waits for its end. */
export async function ended (child: ChildProcess, end: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  end()
  await exited
}

/** Whether a server accepts connections at a port of this machine. */
export async function listens (port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const connected = await once(socket, 'connect').then(() => true, () => false)
  socket.destroy()
  return connected
}
