/** @typedef {import('../src/index.js').Persistence} Persistence */
/** @typedef {typeof import('./close-reason.js').CLOSE_REASONS[import('../src/index.js').CloseReason]['by']} CloserGroup */

/** What is said of a persistence state: its sign, so that no colour is needed, and its meaning. @type {Record<Persistence, { sign: string, meaning: string }>} */
export const PERSISTENCE = {
  persistent: { sign: '●', meaning: 'The backend keeps connections open; requests reuse them.' },
  'non-persistent': { sign: '✕', meaning: 'The backend closes connections after a response; every request gets a connection of its own.' },
  trial: { sign: '◐', meaning: 'One connection is finding out whether the backend keeps connections open again.' }
}

/** Whose doing a close was, in the order in which they are listed. @type {Record<CloserGroup, string>} */
export const GROUPS = {
  backend: 'By the backend, or for what it did',
  gateway: 'By Holdfast, at a limit or for want of room',
  client: 'By the client',
  operator: 'By the operator'
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
