/** @typedef {import('../src/index.js').CloseReason} CloseReason */
/** @typedef {import('../src/index.js').Persistence} Persistence */
/** @typedef {'backend' | 'limits' | 'us'} CloserGroup */

/** What is said of a persistence state: its sign, so that no colour is needed, and its meaning. @type {Record<Persistence, { sign: string, meaning: string }>} */
export const PERSISTENCE = {
  persistent: { sign: '●', meaning: 'The backend keeps connections open; requests reuse them.' },
  'non-persistent': { sign: '✕', meaning: 'The backend closes connections after a response; every request gets a connection of its own.' },
  trial: { sign: '◐', meaning: 'One connection is finding out whether the backend keeps connections open again.' }
}

/** Who closed: the backend, a limit of the target, or Holdfast for another cause. @type {Record<CloserGroup, string>} */
export const GROUPS = {
  backend: 'By the backend, or for what it did',
  limits: 'At a limit of the target',
  us: 'By Holdfast'
}

/** Every close has exactly one reason, in the order in which they are stacked. @type {Record<CloseReason, { group: CloserGroup, meaning: string }>} */
export const REASONS = {
  backend_idle: { group: 'backend', meaning: 'the backend closed it while it lay idle' },
  backend_active: { group: 'backend', meaning: 'the backend closed it while a request was on it' },
  connection_close: { group: 'backend', meaning: 'the response said Connection: close' },
  non_persistent: { group: 'backend', meaning: 'its backend does not keep connections' },
  unexpected_data: { group: 'backend', meaning: 'bytes came that no request had asked for' },
  invalid_response: { group: 'backend', meaning: 'a response was not HTTP' },
  early_response: { group: 'backend', meaning: 'the response came before the request\'s body was sent' },
  idle_limit: { group: 'limits', meaning: 'it lay idle for as long as the idle limit allows' },
  max_age: { group: 'limits', meaning: 'it reached maxConnectionAge' },
  max_requests: { group: 'limits', meaning: 'it served as many requests as it may' },
  timeout: { group: 'limits', meaning: 'a deadline of ours passed' },
  undici_limit: { group: 'limits', meaning: 'undici gave it up after a response that allowed another request' },
  stale_suspect: { group: 'us', meaning: 'another that was idle no longer than it was found closed' },
  client_gone: { group: 'us', meaning: 'the client left' },
  evicted: { group: 'us', meaning: 'it made room, or somebody asked' },
  updated: { group: 'us', meaning: 'its target\'s options changed' },
  drained: { group: 'us', meaning: 'its target is closing' },
  upgraded: { group: 'us', meaning: 'it became a tunnel and that has ended' },
  error: { group: 'us', meaning: 'anything else' }
}

/** Terms, as docs/internals.md has them. */
export const TERMS = {
  target: 'One backend origin with its settings',
  persistence: 'Whether the backend keeps connections open (RFC 9112), found out from what it does',
  connections: 'Active ones carry a request, idle ones wait in the pool; pending requests wait for a connection. The bar is full at the limit of connections',
  reuse: '1 - connections opened / exchanges: how much of the traffic needed no new connection',
  requests: 'Requests a second; the line is the last minute on this page',
  opened: 'Connections opened a second; the line is the last minute on this page',
  saved: 'Exchanges on a connection that had served before, and their number times the mean time to connect',
  idleLimit: 'How long a connection may lie unused: configured by the operator, hinted by a Keep-Alive header, learned from what the backend does. The one in effect is marked',
  sentinel: 'The one connection past a learned limit that is left to watch when its backend closes it',
  connectMean: 'Mean time to connect, TLS included'
}
