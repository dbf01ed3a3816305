// RFC 9110 section 8.3.1, narrower than what Fastify takes.
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+(?:[ \t]*;[ \t]*[\w!#$%&'*+.^`|~-]+=(?:[\w!#$%&'*+.^`|~-]+|"[^"\\]*"))*$/

const kStreams = Symbol('holdfast.streams')
const hiddenTypes = new WeakMap<object, string>()

/**
 * Marks a scope whose routes stream request bodies to a backend, whatever their type. Fastify refuses an empty or a malformed Content-Type
 * before it asks any parser. In such a scope `hideContentType` keeps the type from Fastify, and the forwarding takes it from `rawHeaders`.
 */
export function streamBodies (app: object): void {
  Object.defineProperty(app, kStreams, { value: true })
}

/** Whether a scope, or a scope around it, is marked by `streamBodies`. */
export function streamsBodies (app: object): boolean {
  return kStreams in app
}

/** Whether Fastify might refuse a Content-Type before it asks any parser. Some types that Fastify takes are odd too. */
export function isOddContentType (type: string): boolean {
  return type !== 'application/json' && !MEDIA_TYPE.test(type)
}

/** Hides a request's Content-Type from Fastify, and keeps it for `hiddenContentType`. */
export function hideContentType (message: { headers: { 'content-type'?: string | undefined } }): void {
  hiddenTypes.set(message, message.headers['content-type']!)
  // Not deleted: then a hook that deletes the header could not be told from this.
  message.headers['content-type'] = undefined
}

/** The Content-Type that `hideContentType` has hidden: the client's, or one that an earlier hook has set. */
export function hiddenContentType (message: object): string | undefined {
  return hiddenTypes.get(message)
}
