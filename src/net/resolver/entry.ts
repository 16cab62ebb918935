import type { EnvironmentError } from '../../util/errors.ts'
import type { NaptrRecord, Records, SrvRecord } from './resolver.ts'
import type { RecordType, ResourceRecord } from './wire.ts'

/** What became of a question. */
export type Outcome = 'records' | 'no-data' | 'no-such-name' | 'failure'

/** One server asked once. */
export interface DnsTry {
  /** Address and port. */
  readonly server: string
  readonly transport: 'udp' | 'tcp'
  /** Until it answered, failed or was given up. */
  readonly milliseconds: number
  /** `answer`, or a code: ETIMEOUT, ESERVFAIL, ECONNREFUSED … */
  readonly result: string
}

/** What is kept of an answered question. */
export interface Entry {
  readonly outcome: Outcome
  readonly naptr: Records<NaptrRecord>
  readonly srv: Records<SrvRecord>
  readonly addresses: Records<string>
  readonly error: EnvironmentError | undefined
  /** When it is forgotten, on the clock's scale. */
  readonly expires: number
  /** It came along with the answer to another question: one that was asked for takes its place. */
  readonly additional: boolean
  /** The canonical names that led to it, in order. */
  readonly aliases: readonly string[]
  readonly tries: readonly DnsTry[]
}

const NONE = Object.freeze([])
const EMPTY = { naptr: NONE, srv: NONE, addresses: NONE, error: undefined, additional: false } as const

interface Origin {
  readonly expires: number
  readonly aliases?: readonly string[]
  readonly tries?: readonly DnsTry[]
}

/** What is known of a name without asking anybody. */
export function addressEntry(addresses: Records<string>): Entry {
  const outcome = addresses.length > 0 ? 'records' : 'no-data'
  return { ...EMPTY, outcome, addresses, expires: Number.POSITIVE_INFINITY, aliases: NONE, tries: NONE }
}

/** A name that is none, or whose tree is known to be empty. */
export const noSuchName: Entry = {
  ...EMPTY,
  outcome: 'no-such-name',
  expires: Number.POSITIVE_INFINITY,
  aliases: NONE,
  tries: NONE,
}

export function foundEntry(
  records: readonly ResourceRecord[],
  { expires, aliases = NONE, tries = NONE }: Origin,
  additional: boolean = false,
): Entry {
  const naptr: NaptrRecord[] = []
  const srv: SrvRecord[] = []
  const addresses: string[] = []
  for (const record of records) {
    if (record.type === 'NAPTR') naptr.push(record.value)
    else if (record.type === 'SRV') srv.push(record.value)
    else if ((record.type === 'A' || record.type === 'AAAA') && !addresses.includes(record.value)) {
      addresses.push(record.value)
    }
  }
  return {
    outcome: 'records',
    naptr: Object.freeze(naptr),
    srv: Object.freeze(srv),
    addresses: Object.freeze(addresses),
    error: undefined,
    expires,
    additional,
    aliases,
    tries,
  }
}

export function missingEntry(
  outcome: 'no-data' | 'no-such-name',
  { expires, aliases = NONE, tries = NONE }: Origin,
): Entry {
  return { ...EMPTY, outcome, expires, aliases, tries }
}

export function failureEntry(
  error: EnvironmentError,
  { expires, aliases = NONE, tries = NONE }: Origin,
): Entry {
  return { ...EMPTY, outcome: 'failure', error, expires, aliases, tries }
}

/** Octets that an entry takes, estimated from above: objects and texts as V8 keeps them. */
export function weightOf(key: string, entry: Entry): number {
  let octets = 400 + 2 * key.length
  for (const { flags, service, regexp, replacement } of entry.naptr) {
    octets += 200 + 2 * (flags.length + service.length + regexp.length + replacement.length)
  }
  for (const { target } of entry.srv) octets += 100 + 2 * target.length
  for (const address of entry.addresses) octets += 40 + 2 * address.length
  for (const alias of entry.aliases) octets += 40 + 2 * alias.length
  for (const { server } of entry.tries) octets += 120 + server.length
  return octets + (entry.error === undefined ? 0 : 1000 + 2 * entry.error.message.length)
}

/** The name under which a question is kept and joined. */
export function keyOf(type: RecordType, name: string): string {
  return `${type} ${name}`
}
