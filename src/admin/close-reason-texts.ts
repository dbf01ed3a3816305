import { CLOSE_REASONS } from '../connection/close-reason.js'

const ABOUT = `<!-- Made by: npm run made -->
# Close reasons

Every connection to a backend that is closed has exactly one of these reasons. Observers are told it (\`ConnectionObserver.closed\`), the admin
API and its page count by it, and so does \`holdfast_connection_closes_total\`. A request that was cut off, or got no answer, has it as
\`error_type\` in \`http_client_request_duration_seconds\`.

- *By*: whose doing it was. What a backend announces, or gives cause for, is the backend's.
- *When*: \`idle\` in the pool, \`active\` with an exchange under way or just ended, or \`either\`.
- *Cuts*: whether a response that had begun is cut off by it.

`

/** docs/close-reasons.md. */
export function closeReasonsAsMarkdown (): string {
  const rows = Object.entries(CLOSE_REASONS).map(([reason, { by, when, cutsResponse, meaning }]) => `| \`${reason}\` | ${by} | ${when} | ${cutsResponse ? 'yes' : ''} | ${meaning} |\n`)
  return `${ABOUT}| reason | by | when | cuts | meaning |\n|---|---|---|---|---|\n${rows.join('')}`
}

/** The table as a module of the admin page, which is not compiled and so cannot import it. */
export function closeReasonsAsModule (): string {
  return `export const CLOSE_REASONS = ${JSON.stringify(CLOSE_REASONS, undefined, 2)}\n`
}
