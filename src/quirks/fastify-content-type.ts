const hiddenTypes = new WeakMap<object, string>()

/**
 * Hides a request's Content-Type from Fastify, and keeps it for `hiddenContentType`. Fastify takes a header that is undefined for none,
 * and calls the parser for any type. If a later version does otherwise, requests with an odd Content-Type get a 415.
 */
export function hideContentType (message: { headers: { 'content-type'?: string | undefined } }): void {
  hiddenTypes.set(message, message.headers['content-type']!)
  // Not deleted: then a hook that deletes the header could not be told from this.
  message.headers['content-type'] = undefined
}

/** The Content-Type that `hideContentType` has hidden: the client's, or one that an earlier hook has set. */
export function hiddenContentType (message: object): string | undefined {
  return hiddenTypes.get(message)
}
