import type { NaptrRecord } from '../../net/resolver/resolver.ts'
import { consistsOf, HOST } from '../grammar/chars.ts'
import type { Protocol } from '../message/flow.ts'
import { type Service, serviceOfNaptr } from './services.ts'

/** A record that leads to the SRV records of a service. */
export interface Rule {
  readonly record: NaptrRecord
  readonly service: Service
}

/** Whether the protocol can be used by this stack. */
export type Speaks = (protocol: Protocol) => boolean

/**
 * The rules that lead on (RFC 3263 §4.1): of the services that are spoken here, of sips only the secure ones; those of
 * the first order that has any, by preference. Records of a later order are no fail-over for them (RFC 3403 §4.1): a
 * domain that puts TLS first is not to be had without it because its TLS server is down.
 * @param onMalformed told of each record that names a transport of SIP and leads nowhere
 */
export function chosenRules(
  records: readonly NaptrRecord[],
  secure: boolean,
  speaks: Speaks,
  onMalformed: () => void,
): readonly Rule[] {
  const rules: Rule[] = []
  for (const record of records) {
    const service = serviceOfNaptr(record.service)
    if (service === undefined) continue
    if (!isUsable(record)) onMalformed()
    else if ((service.isSecure || !secure) && speaks(service.protocol)) rules.push({ record, service })
  }
  if (rules.length < 2) return rules
  rules.sort(byOrder)
  return rules.filter(({ record }) => record.order === rules[0]?.record.order)
}

/** RFC 3263 §4.1: flag `s`, no regular expression, and the name of SRV records as replacement. */
function isUsable({ order, preference, flags, regexp, replacement }: NaptrRecord): boolean {
  return (
    Number.isInteger(order) &&
    Number.isInteger(preference) &&
    flags.toLowerCase() === 's' &&
    regexp === '' &&
    consistsOf(HOST, replacement)
  )
}

function byOrder({ record: a }: Rule, { record: b }: Rule): number {
  return a.order - b.order || a.preference - b.preference || (a.replacement < b.replacement ? -1 : 1)
}
