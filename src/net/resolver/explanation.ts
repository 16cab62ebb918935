import type { EnvironmentError } from '../../util/errors.ts'
import type { DnsTry, Entry, Outcome } from './entry.ts'
import type { NaptrRecord, Records, SrvRecord } from './resolver.ts'
import type { RecordType } from './wire.ts'

/** Where an answer came from: `special` names are those that RFC 6761 takes out of the tree. */
type AnswerSource = 'numeric' | 'hosts' | 'special' | 'cache' | 'server'

/** How a question was answered, for people and `resip doctor`. Names in it are printable; texts of NAPTR records need not be. */
export interface DnsExplanation {
  /** As it was asked for: lower case, without the last dot; escaped where it can be no name. */
  readonly name: string
  readonly type: RecordType
  readonly source: AnswerSource
  readonly outcome: Outcome
  readonly naptr: Records<NaptrRecord>
  readonly srv: Records<SrvRecord>
  readonly addresses: Records<string>
  readonly error: EnvironmentError | undefined
  /** Milliseconds that this answer took. */
  readonly milliseconds: number
  /** Whole seconds for which it is kept; undefined where it is not from a server. */
  readonly ttl: number | undefined
  /** It came with the answer to another question. */
  readonly additional: boolean
  /** The CNAMEs followed, in order. */
  readonly aliases: readonly string[]
  /** Whom it took, also where it is from the cache now; the last one has answered unless it was a failure. */
  readonly tries: readonly DnsTry[]
}

export interface Answered {
  readonly source: AnswerSource
  readonly entry: Entry
}

export function explained(
  name: string,
  type: RecordType,
  { source, entry }: Answered,
  began: number,
  now: number,
): DnsExplanation {
  const { outcome, naptr, srv, addresses, error, additional, aliases, tries, expires } = entry
  const ttl = Number.isFinite(expires) ? Math.max(0, Math.ceil((expires - now) / 1000)) : undefined
  return {
    name,
    type,
    source,
    outcome,
    naptr,
    srv,
    addresses,
    error,
    milliseconds: now - began,
    ttl,
    additional,
    aliases,
    tries,
  }
}
