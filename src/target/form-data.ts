import { randomBytes } from 'node:crypto'

/** The part of a FormData that its encoding needs. The form may be undici's, that of Node's own fetch, or another implementation's. */
export interface FormDataLike extends Iterable<[string, string | Blob]> {
  readonly [Symbol.toStringTag]: string
}

/** A form as the body of a request. */
export interface EncodedForm {
  /** The media type, with the boundary. */
  readonly type: string
  /** In bytes; undefined where the size of a file is not known. */
  readonly length: number | undefined
  readonly parts: AsyncIterable<Uint8Array>
}

const METHODS = ['append', 'delete', 'get', 'getAll', 'has', 'set'] as const

export function isFormData (body: unknown): body is FormDataLike {
  if (typeof body !== 'object' || body === null || (body as FormDataLike)[Symbol.toStringTag] !== 'FormData') return false
  return METHODS.every(name => typeof (body as Record<string, unknown>)[name] === 'function')
}

/** Encodes a form as multipart/form-data (RFC 7578, and the Fetch standard). Entries are read now; files are read when they are sent. */
export function encodeForm (form: FormDataLike): EncodedForm {
  const boundary = `----formdata-holdfast-${randomBytes(16).toString('hex')}`
  const parts: (Uint8Array | Blob)[] = []
  let length: number | undefined = 0
  const add = (part: Uint8Array | Blob): void => {
    const size: unknown = part instanceof Uint8Array ? part.byteLength : part.size
    length = length === undefined || typeof size !== 'number' ? undefined : length + size
    parts.push(part)
  }
  for (const [name, value] of form) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(withCrlf(name))}"`
    if (typeof value === 'string') {
      add(Buffer.from(`${head}\r\n\r\n${withCrlf(value)}\r\n`))
      continue
    }
    const { name: file } = value as Blob & { name?: string }
    const filename = file ? `; filename="${escaped(file)}"` : ''
    add(Buffer.from(`${head}${filename}\r\nContent-Type: ${value.type || 'application/octet-stream'}\r\n\r\n`))
    add(value)
    add(Buffer.from('\r\n'))
  }
  add(Buffer.from(`--${boundary}--\r\n`))
  return { type: `multipart/form-data; boundary=${boundary}`, length, parts: bytesOf(parts) }
}

async function * bytesOf (parts: readonly (Uint8Array | Blob)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Uint8Array) yield part
    else yield * part.stream() as unknown as AsyncIterable<Uint8Array>
  }
}

function escaped (text: string): string {
  return text.replace(/\n/g, '%0A').replace(/\r/g, '%0D').replace(/"/g, '%22')
}

function withCrlf (text: string): string {
  return text.replace(/\r?\n|\r/g, '\r\n')
}
