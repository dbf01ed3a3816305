const settled = Promise.resolve()

/**
 * Runs a function that does not throw once what runs now has ended. node's `queueMicrotask` makes an async resource and a bound function
 * for each besides, which a request can do without; whose async context is meant, a caller says himself.
 */
export function inMicrotask (run: () => void): void {
  settled.then(run)
}
