/** A variable whose value is not possible. The message is one line that names the variable, and is shown without a stack. */
export class EnvironmentError extends Error {
  override name = 'EnvironmentError'
}

/**
 * The error for a value that is not possible.
 *
 * @param value is shown in the message, so it must not be a secret
 * @param why such a value is refused, as the rest of the sentence
 */
export function wrongValue (name: string, value: unknown, why: string): EnvironmentError {
  return new EnvironmentError(`${name}: ${JSON.stringify(value)} ${why}`)
}
