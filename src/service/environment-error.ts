/** A variable that cannot be: the message is one line that names it, for a person to read without a stack. */
export class EnvironmentError extends Error {
  override name = 'EnvironmentError'
}

/** @param value that was given; never a secret */
export function wrongValue (name: string, value: unknown, why: string): EnvironmentError {
  return new EnvironmentError(`${name}: ${JSON.stringify(value)} ${why}`)
}
