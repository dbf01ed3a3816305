/** The types of records that a scripted name server knows (RFC 1035, 2782, 3596). */
export const TYPES = { A: 1, CNAME: 5, AAAA: 28, SRV: 33 } as const
export type RecordType = keyof typeof TYPES

export const CODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const
export type ResponseCode = keyof typeof CODES

/** @property data an address, a name, or `priority weight port target` @property ttl in s */
export interface DnsRecord { readonly name: string, readonly type: RecordType, readonly data: string, readonly ttl: number }

export interface DnsQuestion {
  readonly id: number
  readonly name: string
  /** undefined for a type that is not known here. */
  readonly type: RecordType | undefined
  /** The question as it came, for the response. */
  readonly bytes: Buffer
}

export interface DnsResponse { readonly code: ResponseCode, readonly records: readonly DnsRecord[], readonly truncated: boolean }

const HEADER = 12
const IN = 1

/** Reads a message with one question; what is behind it (EDNS) is ignored. */
export function readQuestion (message: Buffer): DnsQuestion {
  const labels: string[] = []
  let at = HEADER
  for (let length = message[at]!; length !== 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const number = message.readUInt16BE(at + 1)
  const type = (Object.keys(TYPES) as RecordType[]).find(type => TYPES[type] === number)
  return { id: message.readUInt16BE(0), name: labels.join('.').toLowerCase(), type, bytes: message.subarray(HEADER, at + 5) }
}

/** Writes a response, without compression. */
export function writeResponse (question: DnsQuestion, { code, records, truncated }: DnsResponse): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUInt16BE(question.id, 0)
  // A response to a recursive question, by a server that recurses.
  header.writeUInt16BE(0x8180 | (truncated ? 0x0200 : 0) | CODES[code], 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, question.bytes, ...records.map(writeRecord)])
}

function writeRecord ({ name, type, data, ttl }: DnsRecord): Buffer {
  const bytes = dataOf(type, data)
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(TYPES[type], 0)
  fixed.writeUInt16BE(IN, 2)
  fixed.writeUInt32BE(ttl, 4)
  fixed.writeUInt16BE(bytes.length, 8)
  return Buffer.concat([nameBytes(name), fixed, bytes])
}

function dataOf (type: RecordType, data: string): Buffer {
  if (type === 'A') return Buffer.from(data.split('.').map(Number))
  if (type === 'CNAME') return nameBytes(data)
  if (type === 'AAAA') {
    const [front = '', back = ''] = data.split('::')
    const words = (text: string): number[] => text === '' ? [] : text.split(':').map(word => parseInt(word, 16))
    const [first, last] = [words(front), words(back)]
    const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last]
    return Buffer.from(all.flatMap(word => [word >> 8, word & 255]))
  }
  const [priority, weight, port, target = ''] = data.split(' ')
  const numbers = Buffer.alloc(6);
  [priority, weight, port].forEach((number, index) => numbers.writeUInt16BE(Number(number), index * 2))
  return Buffer.concat([numbers, nameBytes(target)])
}

function nameBytes (name: string): Buffer {
  const labels = name.split('.').filter(label => label !== '')
  return Buffer.concat([...labels.map(label => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')), Buffer.from([0])])
}
