import { isWithin } from './name.ts'
import type { RecordType, ResourceRecord } from './wire.ts'

/** Where the CNAMEs of one answer lead. */
export interface Followed {
  /** The name at the end of the chain. */
  readonly end: string
  /** The names after the one asked for, in order. */
  readonly aliases: readonly string[]
  /** What the end has of the type. */
  readonly records: readonly ResourceRecord[]
  /** Seconds for which the whole chain holds. */
  readonly ttl: number
  /** The chain comes back to itself. */
  readonly isLoop: boolean
}

/** Follows the CNAMEs of an answer from `name` on (RFC 1034); `seen` are the names that led there. */
export function follow(
  answers: readonly ResourceRecord[],
  name: string,
  type: RecordType,
  seen: readonly string[],
): Followed {
  const aliases: string[] = []
  let ttl = Number.POSITIVE_INFINITY
  for (let end = name; ; ) {
    const records = answers.filter(record => record.type === type && record.name === end)
    for (const record of records) ttl = Math.min(ttl, record.ttl)
    const alias = answers.find(record => record.type === 'CNAME' && record.name === end)
    if (records.length > 0 || alias?.type !== 'CNAME') return { end, aliases, records, ttl, isLoop: false }
    ttl = Math.min(ttl, alias.ttl)
    end = alias.value
    const isLoop = end === name || aliases.includes(end) || seen.includes(end)
    aliases.push(end)
    if (isLoop) return { end, aliases, records: [], ttl, isLoop }
  }
}

/** Seconds for which what is missing stays missing (RFC 2308); undefined where nobody said. */
export function negativeTtl(authorities: readonly ResourceRecord[], name: string): number | undefined {
  const soa = authorities.find(record => record.type === 'SOA' && isWithin(name, record.name))
  return soa?.type === 'SOA' ? soa.value : undefined
}
