import plainBuild from 'undici/lib/llhttp/llhttp-wasm.js'
import simdBuild from 'undici/lib/llhttp/llhttp_simd-wasm.js'

// llhttp is Node's own parser. undici ships a WebAssembly build of it, at a path that is not part of undici's API. So undici is pinned to
// its minor version, and test/assumptions/llhttp.test.ts checks what this file relies on.

/**
 * The events of one run of the parser. Positions are positions in the bytes of the run. The run stops after each head and after each
 * message. An event that returns a number returns 0 to go on, or `STOP`. An event must not throw, nor run, reset or free a parser, directly
 * or indirectly.
 */
export interface LlhttpEvents {
  onStatus (start: number, end: number): number
  onHeaderField (start: number, end: number): number
  onHeaderValue (start: number, end: number): number
  onBody (start: number, end: number): number
  onHeadersComplete (status: number): void
  onMessageComplete (): void
}

/** An event's answer: the bytes are refused. */
export const STOP = -1

/** The largest piece that one run takes, in bytes. */
export const LARGEST_INPUT = 65_536

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  malloc (size: number): number
  llhttp_alloc (type: number): number
  llhttp_free (parser: number): void
  llhttp_reset (parser: number): void
  llhttp_resume (parser: number): void
  llhttp_execute (parser: number, input: number, length: number): number
  llhttp_get_error_pos (parser: number): number
  llhttp_get_error_reason (parser: number): number
  llhttp_get_http_major (parser: number): number
  llhttp_get_http_minor (parser: number): number
  llhttp_message_needs_eof (parser: number): number
}

const RESPONSE = 2
const OK = 0
const PAUSED = 21

// The events of the one parser that runs.
let events: LlhttpEvents | undefined
const llhttp = load()
const input = llhttp.malloc(LARGEST_INPUT)
let memory = new Uint8Array(llhttp.memory.buffer, input, LARGEST_INPUT)

/** The result of a run. */
export interface Run {
  /** Bytes read: up to the end of a head or message, or up to an error; otherwise all of them. */
  taken: number
  /** Why the bytes are not a response; undefined as long as they are. */
  error: string | undefined
}

const run: Run = { taken: 0, error: undefined }

/** One parser of responses, in strict mode. */
export class Llhttp {
  readonly #parser = llhttp.llhttp_alloc(RESPONSE)

  get major (): number { return llhttp.llhttp_get_http_major(this.#parser) }
  get minor (): number { return llhttp.llhttp_get_http_minor(this.#parser) }
  /** Whether, in llhttp's view, the body of the present message ends with its connection. */
  get needsEnd (): boolean { return llhttp.llhttp_message_needs_eof(this.#parser) === 1 }

  /** Reads `bytes[start..end)`, at most `LARGEST_INPUT` bytes. The returned object is valid until the next run. */
  execute (told: LlhttpEvents, bytes: Buffer, start: number, end: number): Run {
    // When WebAssembly memory grows, its old ArrayBuffer becomes empty.
    if (memory.length === 0) memory = new Uint8Array(llhttp.memory.buffer, input, LARGEST_INPUT)
    bytes.copy(memory, 0, start, end)
    events = told
    offset = start - input
    const code = llhttp.llhttp_execute(this.#parser, input, end - start)
    events = undefined
    run.error = undefined
    run.taken = end - start
    if (code === OK) return run
    run.taken = llhttp.llhttp_get_error_pos(this.#parser) - input
    if (code !== PAUSED) run.error = reasonOf(this.#parser)
    return run
  }

  /** Call this after a head, so that the next run reads the following bytes as its body. */
  resume (): void {
    llhttp.llhttp_resume(this.#parser)
  }

  /** Puts the parser back into its first state. */
  reset (): void {
    llhttp.llhttp_reset(this.#parser)
  }

  free (): void {
    llhttp.llhttp_free(this.#parser)
  }
}

// Added to a position in the parser's memory, it gives the position in the bytes of the run.
let offset = 0

function load (): Exports {
  const env = {
    wasm_on_url: () => 0,
    wasm_on_message_begin: () => 0,
    wasm_on_status: (_parser: number, at: number, length: number) => events!.onStatus(at + offset, at + offset + length),
    wasm_on_header_field: (_parser: number, at: number, length: number) => events!.onHeaderField(at + offset, at + offset + length),
    wasm_on_header_value: (_parser: number, at: number, length: number) => events!.onHeaderValue(at + offset, at + offset + length),
    wasm_on_headers_complete: (_parser: number, status: number) => {
      events!.onHeadersComplete(status)
      return PAUSED
    },
    wasm_on_body: (_parser: number, at: number, length: number) => events!.onBody(at + offset, at + offset + length),
    wasm_on_message_complete: () => {
      events!.onMessageComplete()
      return PAUSED
    }
  }
  return new WebAssembly.Instance(compiled(), { env }).exports as unknown as Exports
}

// Some processors have no SIMD.
function compiled (): WebAssembly.Module {
  try {
    return new WebAssembly.Module(simdBuild as Uint8Array<ArrayBuffer>)
  } catch {
    return new WebAssembly.Module(plainBuild as Uint8Array<ArrayBuffer>)
  }
}

function reasonOf (parser: number): string {
  const at = llhttp.llhttp_get_error_reason(parser)
  if (at === 0) return 'the bytes are not HTTP/1'
  const bytes = Buffer.from(llhttp.memory.buffer, at)
  return bytes.toString('latin1', 0, bytes.indexOf(0))
}
