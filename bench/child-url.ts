import type { ChildProcess } from 'node:child_process'

/** The `url` of the first message of a server in a process of its own. Rejects where it ends before. */
export async function urlOf (child: ChildProcess, name: string): Promise<string> {
  return await new Promise<string>((resolve, reject) => {
    child.once('message', (message: { url: string }) => resolve(message.url))
    child.once('exit', (code, signal) => reject(new Error(`${name} ended with ${signal ?? code} before it listened`)))
  })
}
