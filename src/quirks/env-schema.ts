import type { EnvSchemaOpt } from 'env-schema'

interface SchemaError { readonly instancePath: string, readonly data?: unknown }

/** Makes errors include the value that failed. env-schema's docs allow an object of Ajv's options, and its types do not. */
export const VERBOSE = { customOptions: { verbose: true } } as unknown as NonNullable<EnvSchemaOpt['ajv']>

/**
 * The variable that an error of env-schema is about, with its value; undefined for any other error. The error has Ajv's `errors`, which
 * env-schema's docs do not mention. If a later version has none, the message does not name the variable.
 */
export function faultOf (error: unknown): { readonly name: string, readonly value: unknown } | undefined {
  const [first] = (error as { errors?: readonly SchemaError[] }).errors ?? []
  return first === undefined ? undefined : { name: first.instancePath.slice(1), value: first.data }
}
