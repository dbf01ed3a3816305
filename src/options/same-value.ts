/**
 * Whether two settings say the same. Plain objects, arrays and bytes are compared by what they hold. Everything else (functions,
 * SecureContexts, instances of any class) is the same only where it is one and the same: what such a thing stands for cannot be
 * seen from outside, and `isDeepStrictEqual` calls any two SecureContexts equal.
 */
export function sameValue (a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i]))
  if (ArrayBuffer.isView(a)) return ArrayBuffer.isView(b) && bytesOf(a).equals(bytesOf(b))
  if (!isPlain(a) || !isPlain(b)) return false
  const names = givenIn(a)
  return names.length === givenIn(b).length && names.every(name => sameValue(a[name], b[name]))
}

type Plain = Record<PropertyKey, unknown>

function isPlain (value: object): value is Plain {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

// `undefined` means not given, as everywhere in options.
function givenIn (value: Plain): PropertyKey[] {
  return Reflect.ownKeys(value).filter(name => value[name] !== undefined)
}

function bytesOf ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
}
