/** What was typed cannot be understood: the message is one line for a person, and the process exits with 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}
