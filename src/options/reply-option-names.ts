/**
 * What `replyOptions` takes: the options of `reply.from()`. `maxRetriesOn503` is read by `@fastify/reply-from`, which does not declare it
 * there. A test holds these names to its declarations.
 */
export const REPLY_OPTION_NAMES: readonly string[] = [
  'queryString', 'contentType', 'retryDelay', 'retriesCount', 'maxRetriesOn503', 'onResponse', 'onError', 'body', 'rewriteHeaders',
  'rewriteRequestHeaders', 'getUpstream', 'method', 'timeout'
]
