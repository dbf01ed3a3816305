import { Server } from 'node:net'

/**
 * Replaces listening by a function for every server of the process, for as long as the process runs. All of Node's servers listen with
 * this one method, which its docs do not promise. A server that has a method of its own listens as usual.
 *
 * @param by may replace the server's `address()`; 'listening' is emitted after it
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
