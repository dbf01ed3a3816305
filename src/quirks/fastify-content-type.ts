const hiddenTypes = new WeakMap<object, string>()

/**
 * Takes the Content-Type out of the sight of Fastify, which refuses an odd one before it asks any parser. It takes a
 * header that is undefined for none, and hands the body to the parser for any type. Should it do otherwise one day,
 * it refuses such requests with a 415.
 */
export function hideContentType (message: { headers: { 'content-type'?: string | undefined } }): void {
  hiddenTypes.set(message, message.headers['content-type']!)
  // Not deleted: a hook that deletes it can be told from this.
  message.headers['content-type'] = undefined
}

/** What `hideContentType` took away: the client's, or that of a hook which ran before. */
export function hiddenContentType (message: object): string | undefined {
  return hiddenTypes.get(message)
}
