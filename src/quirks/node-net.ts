import { Server } from 'node:net'

/**
 * Has every server of the process ask a function in place of listening, for as long as the process lives. Each server
 * of Node listens by this one method, which its docs do not promise. Should one not do so, it listens.
 *
 * @param by may set what `address()` says; 'listening' is emitted behind it
 */
export function listenBy (by: (server: Server, given: unknown) => void): void {
  Server.prototype.listen = function (this: Server, ...args: unknown[]) {
    const callback = args.at(-1)
    if (typeof callback === 'function') this.once('listening', callback as () => void)
    by(this, args[0])
    process.nextTick(() => this.emit('listening'))
    return this
  } as Server['listen']
}
