import { stringify } from 'node:querystring'
import { HoldfastError } from '../errors.js'

/** A body that a parser of the app has read, written again for the backend. */
export interface ParsedBody { readonly content: string | Buffer, readonly type: string }

const FORM = 'application/x-www-form-urlencoded'

/**
 * Writes a parsed body again: JSON, a form of plain fields, text or bytes. Throws HOLDFAST_ERR_BODY_READ for any other.
 *
 * @param contentType the client's
 * @param jsonTypes media types that are written as JSON, besides those that end in `+json`
 */
export function parsedBody (body: unknown, contentType: string | undefined, jsonTypes: ReadonlySet<string>): ParsedBody {
  const type = mediaType(contentType)
  if (isJson(contentType, jsonTypes)) return { content: JSON.stringify(body), type }
  if (typeof body === 'string' || body instanceof Uint8Array) return { content: body as string | Buffer, type }
  if (type === FORM && isPlainForm(body)) return { content: stringify(body), type }
  throw new HoldfastError('HOLDFAST_ERR_BODY_READ', {
    message: `A body of ${type} was parsed and cannot be written again; let nothing parse it on proxied routes, or name it in contentTypesToEncode to have it sent as JSON`
  })
}

/** Whether a parsed body of this type is written as JSON. */
export function isJson (contentType: string | undefined, jsonTypes: ReadonlySet<string>): boolean {
  const type = mediaType(contentType)
  return jsonTypes.has(type) || type.endsWith('+json')
}

function mediaType (contentType: string | undefined): string {
  return contentType?.split(';', 1)[0]!.trim().toLowerCase() ?? 'application/octet-stream'
}

function isPlainForm (body: unknown): body is Record<string, string | string[]> {
  if (typeof body !== 'object' || body === null) return false
  return Object.values(body).every(value => typeof value === 'string' || (Array.isArray(value) && value.every(item => typeof item === 'string')))
}
