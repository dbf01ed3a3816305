import type { EnvSchemaOpt } from 'env-schema'

interface SchemaError { readonly instancePath: string, readonly data?: unknown }

/**
 * The option that has an error tell the value that failed. Ajv's options as an object are in env-schema's docs, and
 * missing from its types.
 */
export const VERBOSE = { customOptions: { verbose: true } } as unknown as NonNullable<EnvSchemaOpt['ajv']>

/**
 * The variable that an error of env-schema is about, and its value; undefined for an error of another kind. What it
 * throws has Ajv's `errors`, which its docs do not mention. Should it not have them one day, an error names no
 * variable.
 */
export function faultOf (error: unknown): { readonly name: string, readonly value: unknown } | undefined {
  const [first] = (error as { errors?: readonly SchemaError[] }).errors ?? []
  return first === undefined ? undefined : { name: first.instancePath.slice(1), value: first.data }
}
