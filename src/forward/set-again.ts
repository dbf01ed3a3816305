/** Both forms of the headers of Node's message: the object, and the lines that Node makes it of. */
interface Message { readonly headers: Record<string, unknown>, readonly rawHeaders: readonly string[] }

// Who the client claims to be. The excluded headers only say how a request came. Load balancers send those with each request, and watching
// them would cost an eighth of a request's time.
const CLAIM = /^x-forwarded-(?!(?:for|host|port|prefix|proto|scheme|server|ssl)$)/i
// The usual values of `Connection`, which name no header.
const USUAL = new Set<unknown>([undefined, 'keep-alive', 'close', 'Keep-Alive'])
const X = 120
const F = 102
const LOWER = 32
// The gateway itself sets these before hooks run.
const OURS = ['content-type', 'max-forwards']

/** By object of headers: the watched names, and those of them that have been set. */
const watched = new WeakMap<object, { readonly names: readonly string[], readonly set: Set<string> }>()

/**
 * Watches whether a hook sets a header to the value that it has already. Comparing the values cannot show that. A client may guess the
 * value that a hook will set, and the header would be taken for the client's. Only headers that would not be sent on as they came are
 * watched: those that the client nominates in `Connection`, and those that say who it claims to be. Most requests have none. To be called
 * before any hook runs.
 */
export function watchHeaders ({ headers, rawHeaders }: Message): void {
  let names: string[] | undefined
  // Reads the lines: collecting the names of the object would cost each request an array.
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

/** The watched names that hooks have set in an object of headers, to any value; undefined where there are none. */
export function setAgain (headers: object): ReadonlySet<string> | undefined {
  const found = watched.get(headers)
  if (found === undefined) return undefined
  const { names, set } = found
  // A header that was deleted and set again is an ordinary property, and has lost its setter.
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
