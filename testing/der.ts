/** The few kinds of ASN.1 values in a certificate, in their distinguished encoding (ITU-T X.690). */

export function tagged (tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content])
}

function lengthOf (length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  if (length < 0x100) return Buffer.from([0x81, length])
  return Buffer.from([0x82, length >> 8, length & 0xff])
}

export const sequence = (...items: Buffer[]): Buffer => tagged(0x30, ...items)
export const setOf = (item: Buffer): Buffer => tagged(0x31, item)
export const explicit = (number: number, item: Buffer): Buffer => tagged(0xa0 + number, item)
export const implicit = (number: number, content: Buffer): Buffer => tagged(0x80 + number, content)
export const octets = (content: Buffer): Buffer => tagged(0x04, content)
export const yes = (): Buffer => tagged(0x01, Buffer.from([0xff]))
export const text = (value: string): Buffer => tagged(0x0c, Buffer.from(value))

/** A whole number of any size, given big-endian. A leading zero byte marks it as not negative. */
export const integer = (bytes: Buffer): Buffer =>
  tagged(0x02, Buffer.alloc((bytes[0] ?? 0) < 0x80 ? 0 : 1), bytes)

export const bits = (content: Buffer, unused = 0): Buffer => tagged(0x03, Buffer.from([unused]), content)

/** UTCTime, which ends with the year 2049. */
export const time = (date: Date): Buffer =>
  tagged(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`))

export function identifier (dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(0x06, Buffer.from([40 * first + second, ...rest.flatMap(base128)]))
}

function base128 (arc: number): number[] {
  const digits = [arc & 0x7f]
  for (let left = arc >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80)
  return digits
}
