import type { Message } from './message.js'

/** The smallest message found that fails in the same way: halves, quarters and so on are left out while it still fails. */
export async function minimised (message: Message, fails: (candidate: Message) => Promise<boolean>, tries = 150): Promise<Message> {
  let best = message
  if (best.pieces.length > 1) {
    const joined = { ...best, pieces: [Buffer.concat(best.pieces)] }
    if (await fails(joined)) best = joined
  }
  if (best.pieces.length > 1) return best
  const withBytes = (bytes: Buffer): Message => best.mutated === 'request' ? { ...best, pieces: [bytes] } : { ...best, response: bytes }
  return withBytes(await minimisedBytes(best.mutated === 'request' ? best.pieces[0]! : best.response, bytes => fails(withBytes(bytes)), tries))
}

/** Minimises a text of bytes. */
export async function minimisedBytes (bytes: Buffer, fails: (candidate: Buffer) => Promise<boolean>, tries = 150): Promise<Buffer> {
  let best = bytes
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length;) {
      if (tries-- <= 0) return best
      const candidate = Buffer.concat([best.subarray(0, at), best.subarray(at + size)])
      if (candidate.length > 0 && await fails(candidate)) best = candidate
      else at += size
    }
  }
  return best
}

/** Bytes as the text of a string literal. */
export function show (bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1')).replace(/[\x7f-\xff]/g, byte => `\\x${byte.charCodeAt(0).toString(16)}`)
}

/** A message as a case of test/rules, to keep. */
export function asCase ({ mutated, way, pieces, response, ends }: Message, wrong: readonly string[]): string {
  const client = pieces.length === 1 ? show(pieces[0]!) : `[${pieces.map(piece => `${show(piece)}, { pause: 1 }`).join(', ')}]`
  const backend = mutated === 'request' ? '' : `\n  backend: ${ends ? `[${show(response)}, { pause: 2 }, { do: 'fin' }]` : show(response)},`
  return `{\n  name: ${JSON.stringify(wrong[0])},${way === 'plain' ? '' : ` // ${way}`}\n  client: ${client},${backend}\n  sees: { status: 0 }\n}`
}
