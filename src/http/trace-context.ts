// The recommendation requires lower case and forbids version ff. A later version may add parts after another dash.
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-|$)/
const PLAIN_LENGTH = 55
const ZEROS = /^0+$/

/** The trace id of a `traceparent` header; undefined where the header is not valid. W3C Trace Context, section 3.2. */
export function traceIdOf (traceparent: unknown): string | undefined {
  if (typeof traceparent !== 'string') return undefined
  const [, version, traceId, parentId] = TRACEPARENT.exec(traceparent) ?? []
  if (traceId === undefined || ZEROS.test(traceId) || ZEROS.test(parentId!)) return undefined
  return version === '00' && traceparent.length !== PLAIN_LENGTH ? undefined : traceId
}
