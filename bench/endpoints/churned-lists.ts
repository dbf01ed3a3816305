// All of 127.0.0.0/8 is loopback, so there are enough addresses that were never used before.
const FIRST = 256 * 256

/** Lists of addresses on one port: in each, the oldest address of the list before is replaced by a new one. It never ends. */
export function * churnedLists (size: number, port: number): Generator<string[], never> {
  for (let first = FIRST; ; first++) yield Array.from({ length: size }, (_, n) => `http://${addressOf(first + n)}:${port}`)
}

function addressOf (number: number): string {
  return `127.${number >> 16 & 255}.${number >> 8 & 255}.${number & 255}`
}
