/** The command line cannot be understood, or the app cannot be loaded. The message is for a person. The process exits with 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}
