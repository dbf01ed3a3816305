/** Of node's message, the object of its headers, and the lines that node makes it of. */
interface Message { readonly headers: Record<string, unknown>, readonly rawHeaders: readonly string[] }

// Who a client says it is. What load balancers send with each request says no more than how it came: to watch it would cost an eighth of a request.
const CLAIM = /^x-forwarded-(?!(?:for|host|port|prefix|proto|scheme|server|ssl)$)/i
// What `Connection` most often says, which names no header.
const USUAL = new Set<unknown>([undefined, 'keep-alive', 'close', 'Keep-Alive'])
const X = 120
const F = 102
const LOWER = 32
// The gateway itself may set these, and is no hook.
const OURS = ['content-type', 'max-forwards']

/** By object of headers: the names that are watched, and those of them that have been set. */
const watched = new WeakMap<object, { readonly names: readonly string[], readonly set: Set<string> }>()

/**
 * Has it seen when a hook sets a header to what it is already. Comparing shows no such thing, and a client may guess, or know, what a hook is going
 * to set: that header would be treated as the client's. Only headers that are not sent on as they came are watched, and most requests have none:
 * those that the client nominates in `Connection`, and who it claims to be. To be called before any hook runs.
 */
export function watchHeaders ({ headers, rawHeaders }: Message): void {
  let names: string[] | undefined
  // The lines, since an object's names would be collected into an array for each request.
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const line = rawHeaders[i]!
    if ((line.charCodeAt(2) | LOWER) !== F || (line.charCodeAt(0) | LOWER) !== X || !CLAIM.test(line)) continue
    names ??= []
    const name = line.toLowerCase()
    if (!names.includes(name)) names.push(name)
  }
  const { connection } = headers
  if (!USUAL.has(connection)) {
    for (const option of String(connection).toLowerCase().split(',')) {
      const name = option.trim()
      if (!Object.hasOwn(headers, name) || OURS.includes(name)) continue
      names ??= []
      if (!names.includes(name)) names.push(name)
    }
  }
  if (names === undefined || watched.has(headers)) return
  const set = new Set<string>()
  watched.set(headers, { names, set })
  for (const name of names) watch(headers, name, set)
}

/** The watched names that hooks have set in an object of headers, whatever to; undefined where there are none. */
export function setAgain (headers: object): ReadonlySet<string> | undefined {
  const found = watched.get(headers)
  if (found === undefined) return undefined
  const { names, set } = found
  // One that was deleted and put back is an ordinary property.
  for (const name of names) if (Object.getOwnPropertyDescriptor(headers, name)?.writable !== undefined) set.add(name)
  return set.size === 0 ? undefined : set
}

function watch (headers: Record<string, unknown>, name: string, set: Set<string>): void {
  let value = headers[name]
  Object.defineProperty(headers, name, {
    enumerable: true,
    configurable: true,
    get: () => value,
    set: (given: unknown) => {
      value = given
      set.add(name)
    }
  })
}
