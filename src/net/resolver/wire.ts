import { type Answer, type DecodedPacket, decode, encode, RECURSION_DESIRED } from 'dns-packet'
import { canonicalAddress } from '../../util/address.ts'
import type { NaptrRecord, SrvRecord } from './resolver.ts'
import { checkRecords, type MessageHead, readHead, type } from './wire-check.ts'

/** What can be asked for. */
export type RecordType = 'A' | 'AAAA' | 'SRV' | 'NAPTR'

export interface Question {
  /** As of `questionName`. */
  readonly name: string
  readonly type: RecordType
}

/** A record with its name in lower case and its lifetime in seconds. */
export type ResourceRecord = { readonly name: string; readonly ttl: number } & (
  | { readonly type: 'A' | 'AAAA'; readonly value: string }
  | { readonly type: 'CNAME'; readonly value: string }
  | { readonly type: 'SRV'; readonly value: SrvRecord }
  | { readonly type: 'NAPTR'; readonly value: NaptrRecord }
  /** How long what is missing stays so, in seconds (RFC 2308). */
  | { readonly type: 'SOA'; readonly value: number }
)

/** An answer to a question of ours; a truncated one has no records. */
export interface DnsAnswer {
  readonly truncated: boolean
  readonly authoritative: boolean
  readonly recursionAvailable: boolean
  readonly rcode: number
  readonly answers: readonly ResourceRecord[]
  readonly authorities: readonly ResourceRecord[]
  readonly additionals: readonly ResourceRecord[]
  /** Records left out because of what stands in their names. */
  readonly odd: number
}

/** What a datagram may hold that comes back: fits every path of 1,280 octets (RFC 6891). */
const UDP_PAYLOAD = 1232

/** The octets of a question, with EDNS where the server can take it (RFC 6891). */
export function encodeQuestion(question: Question, id: number, edns: boolean): Buffer {
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name: question.name, type: question.type, class: 'IN' }],
    additionals: edns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: UDP_PAYLOAD,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  })
}

/**
 * Reads the answer to `question`: `mismatch` where it answers something else (RFC 5452), `malformed` where it cannot
 * be read. The octets belong to this function and are changed.
 */
export function readAnswer(
  bytes: Buffer,
  question: Question,
  id: number,
): DnsAnswer | 'mismatch' | 'malformed' {
  const head = readHead(bytes)
  if (head === undefined) return 'malformed'
  if (!isAnswerTo(head, question, id)) return 'mismatch'
  const { truncated, records } = head
  const { authoritative, recursionAvailable, rcode } = head
  // what a server cuts off it may cut off anywhere
  if (truncated || records === undefined || bytes.readUInt16BE(4) === 0) {
    return { ...NOTHING, truncated, authoritative, recursionAvailable, rcode }
  }
  const check = checkRecords(bytes, records)
  const packet = check && decoded(bytes)
  if (check === undefined || packet === undefined) return 'malformed'
  return {
    truncated,
    authoritative,
    recursionAvailable,
    rcode: rcode | check.extendedRcode,
    answers: recordsOf(packet.answers),
    authorities: recordsOf(packet.authorities),
    additionals: recordsOf(packet.additionals),
    odd: check.odd,
  }
}

const NOTHING = { answers: [], authorities: [], additionals: [], odd: 0 } as const

const FORMERR = 1

/** A server that could not read the question may leave it out (RFC 6891). */
function isAnswerTo(head: MessageHead, question: Question, id: number): boolean {
  if (!head.isResponse || head.opcode !== 0 || head.id !== id) return false
  if (head.question === undefined) return head.rcode === FORMERR && head.records === QUESTIONLESS
  return head.question.name === question.name && head.question.type === type[question.type]
}

const QUESTIONLESS = 12

/** The one place where the decoder is called: whatever it throws, the message is malformed. */
function decoded(bytes: Buffer): DecodedPacket | undefined {
  try {
    return decode(bytes)
  } catch {
    return undefined
  }
}

function recordsOf(answers: readonly Answer[] | undefined): readonly ResourceRecord[] {
  const records: ResourceRecord[] = []
  for (const answer of answers ?? []) {
    const record = recordOf(answer)
    if (record !== undefined) records.push(record)
  }
  return records
}

function recordOf(answer: Answer): ResourceRecord | undefined {
  const name = plain(answer.name)
  switch (answer.type) {
    case 'A':
    case 'AAAA': {
      const value = canonicalAddress(answer.data)
      return value === undefined ? undefined : { type: answer.type, name, ttl: ttlOf(answer.ttl), value }
    }
    case 'CNAME':
      return { type: 'CNAME', name, ttl: ttlOf(answer.ttl), value: plain(answer.data) }
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = answer.data
      const value = Object.freeze({ priority, weight, port, target: plain(target) })
      return { type: 'SRV', name, ttl: ttlOf(answer.ttl), value }
    }
    case 'NAPTR': {
      const { order, preference, flags, services, regexp, replacement } = answer.data
      const value = { order, preference, flags, service: services, regexp, replacement: plain(replacement) }
      return { type: 'NAPTR', name, ttl: ttlOf(answer.ttl), value: Object.freeze(value) }
    }
    case 'SOA':
      return {
        type: 'SOA',
        name,
        ttl: ttlOf(answer.ttl),
        value: Math.min(ttlOf(answer.ttl), ttlOf(answer.data.minimum)),
      }
    default:
      return undefined
  }
}

/** A lifetime with its highest bit set is none (RFC 2181). */
function ttlOf(ttl: number | undefined): number {
  return ttl === undefined || ttl > 0x7fff_ffff ? 0 : ttl
}

/** Lower case; the root is the empty text. */
function plain(name: string): string {
  return name === '.' ? '' : name.toLowerCase()
}
