import { isLabelOctet } from './name.ts'

/** Type numbers (RFC 1035 §3.2.2, RFC 2782, RFC 3403, RFC 3596, RFC 6891). */
export const type = { A: 1, CNAME: 5, SOA: 6, NULL: 10, AAAA: 28, SRV: 33, NAPTR: 35, OPT: 41 } as const

/** What a message says before its first record. */
export interface MessageHead {
  readonly id: number
  readonly isResponse: boolean
  readonly opcode: number
  readonly truncated: boolean
  readonly authoritative: boolean
  readonly recursionAvailable: boolean
  /** The lower four bits; the others stand in the OPT record. */
  readonly rcode: number
  /** The one question in lower case; undefined where there is none, more than one, or one of another class. */
  readonly question: { readonly name: string; readonly type: number } | undefined
  /** Where the records begin; undefined where the question cannot be read. */
  readonly records: number | undefined
}

const HEADER = 12
const INTERNET = 1
/** An encoder has no use for more pointers in a name than it has labels, and no name of ours has as many. */
const MOST_POINTERS = 40
/** A message of 64 KB could hold five times as many. */
const MOST_RECORDS = 1000

/** Reads the header and the question (RFC 1035 §4.1); undefined for what is no message. */
export function readHead(bytes: Buffer): MessageHead | undefined {
  if (bytes.length < HEADER) return undefined
  const flags = bytes.readUInt16BE(2)
  let question: { name: string; type: number } | undefined
  let records: number | undefined
  const questions = bytes.readUInt16BE(4)
  if (questions === 0) records = HEADER
  const end = questions === 1 ? skipName(bytes, HEADER) : -1
  if (end > 0 && end + 4 <= bytes.length) {
    records = end + 4
    const isOurs = bytes.readUInt16BE(end + 2) === INTERNET && !isOdd(bytes, HEADER)
    if (isOurs) question = { name: nameText(bytes, HEADER), type: bytes.readUInt16BE(end) }
  }
  return {
    id: bytes.readUInt16BE(0),
    isResponse: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 0xf,
    truncated: (flags & 0x200) !== 0,
    authoritative: (flags & 0x400) !== 0,
    recursionAvailable: (flags & 0x80) !== 0,
    rcode: flags & 0xf,
    question,
    records,
  }
}

/** What the check of the records told. */
export interface RecordCheck {
  /** The upper bits of the response code (RFC 6891), shifted into place; 0 without an OPT record. */
  readonly extendedRcode: number
  /** Records whose names hold what none of ours may; they were hidden. */
  readonly odd: number
}

/**
 * Walks the records before the decoder does and answers undefined for a message that it must not see: lengths that do not
 * fit, pointers that lead in circles or through long chains (a decoder would take quadratic time), too many records. What
 * nobody asked for, and what has odd names, is turned into a NULL record in place, which is decoded as it stands.
 */
export function checkRecords(bytes: Buffer, start: number): RecordCheck | undefined {
  const count = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10)
  if (count > MOST_RECORDS) return undefined
  let extendedRcode = 0
  let odd = 0
  let offset = start
  for (let i = 0; i < count; i++) {
    const at = skipName(bytes, offset)
    if (at < 0 || at + 10 > bytes.length) return undefined
    const kind = bytes.readUInt16BE(at)
    const data = at + 10
    const end = data + bytes.readUInt16BE(at + 8)
    if (end > bytes.length) return undefined
    if (kind === type.OPT) extendedRcode = (bytes[at + 4] ?? 0) << 4
    const shape = bytes.readUInt16BE(at + 2) === INTERNET ? shapes.get(kind) : undefined
    if (shape === undefined) bytes.writeUInt16BE(type.NULL, at)
    else {
      const names = shape(bytes, data, end)
      if (names === undefined) return undefined
      if (isOdd(bytes, offset) || names.some(name => isOdd(bytes, name))) {
        odd++
        bytes.writeUInt16BE(type.NULL, at)
      }
    }
    offset = end
  }
  return { extendedRcode, odd }
}

/** Where the names in a record's data stand; undefined where the data do not fill their length exactly. */
type Shape = (bytes: Buffer, start: number, end: number) => readonly number[] | undefined

const NO_NAMES: readonly number[] = []

const fixed =
  (length: number): Shape =>
  (_, start, end) =>
    end - start === length ? NO_NAMES : undefined

const nameAfter =
  (octets: number): Shape =>
  (bytes, start, end) => {
    const name = start + octets
    return name < end && skipName(bytes, name) === end ? [name] : undefined
  }

const shapes: ReadonlyMap<number, Shape> = new Map([
  [type.A, fixed(4)],
  [type.AAAA, fixed(16)],
  [type.CNAME, nameAfter(0)],
  [type.SRV, nameAfter(6)],
  [type.NAPTR, naptrShape],
  [type.SOA, soaShape],
])

/** Order, preference, three character strings and a name (RFC 3403 §4.1). */
function naptrShape(bytes: Buffer, start: number, end: number): readonly number[] | undefined {
  let offset = start + 4
  for (let text = 0; text < 3; text++) offset += 1 + (bytes[offset] ?? end)
  return offset < end && skipName(bytes, offset) === end ? [offset] : undefined
}

/** Two names and five numbers (RFC 1035 §3.3.13); nobody reads the names, so they may be odd. */
function soaShape(bytes: Buffer, start: number, end: number): readonly number[] | undefined {
  const mailbox = skipName(bytes, start)
  return mailbox > 0 && skipName(bytes, mailbox) + 20 === end ? NO_NAMES : undefined
}

/** The offset behind a name, -1 where it cannot be read. Pointers lead backwards only (RFC 1035 §4.1.4). */
function skipName(bytes: Buffer, start: number): number {
  let offset = start
  let lowest = start
  let after = -1
  let pointers = 0
  let length = 0
  for (;;) {
    const octet = bytes[offset]
    if (octet === undefined) return -1
    if (octet === 0) return after < 0 ? offset + 1 : after
    if (octet < 0x40) {
      length += octet + 1
      offset += octet + 1
      if (length > 254) return -1
    } else {
      const target = pointerAt(bytes, offset)
      if (target < 0 || target >= lowest || ++pointers > MOST_POINTERS) return -1
      if (after < 0) after = offset + 2
      lowest = target
      offset = target
    }
  }
}

/** Whether a name that `skipName` has read holds an octet that none of ours may. */
function isOdd(bytes: Buffer, start: number): boolean {
  let offset = start
  for (;;) {
    const octet = bytes[offset] ?? 0
    if (octet === 0) return false
    if (octet < 0x40) {
      for (let i = offset + 1; i <= offset + octet; i++) if (!isLabelOctet(bytes[i] ?? 0)) return true
      offset += octet + 1
    } else offset = pointerAt(bytes, offset)
  }
}

/** The text of a name that is not odd, in lower case. */
function nameText(bytes: Buffer, start: number): string {
  let text = ''
  let offset = start
  for (;;) {
    const octet = bytes[offset] ?? 0
    if (octet === 0) return text.toLowerCase()
    if (octet < 0x40) {
      text += `${text === '' ? '' : '.'}${bytes.latin1Slice(offset + 1, offset + 1 + octet)}`
      offset += octet + 1
    } else offset = pointerAt(bytes, offset)
  }
}

function pointerAt(bytes: Buffer, offset: number): number {
  const octet = bytes[offset] ?? 0
  const next = bytes[offset + 1]
  return octet < 0xc0 || next === undefined ? -1 : ((octet & 0x3f) << 8) | next
}
