import type { NaptrRecord, SrvRecord } from '../../net/resolver/resolver.ts'
import { printable } from '../../util/log.ts'
import type { Target } from '../transport/selector.ts'

/** One step on the way from a URI to a target. */
export type LocateStep =
  /** ENUM: what a number's record made of it (RFC 6116). */
  | { readonly by: 'ENUM'; readonly name: string; readonly record: NaptrRecord; readonly uri: string }
  | { readonly by: 'NAPTR'; readonly name: string; readonly record: NaptrRecord }
  | { readonly by: 'SRV'; readonly name: string; readonly record: SrvRecord }
  /** A and AAAA of a name. */
  | { readonly by: 'address'; readonly name: string }
  /** The URI, or the Via, has the address itself. */
  | { readonly by: 'numeric' }
  /** No record chose the transport, and the URI names none: UDP for sip, TLS for sips (RFC 3263 §4.1). */
  | { readonly by: 'default'; readonly protocol: string }

/** A target with the steps that led to it. */
export interface LocatedTarget extends Target {
  readonly why: readonly LocateStep[]
}

/** The steps in words, safe to print: `NAPTR example.com 10 50 SIP+D2U → SRV _sip._udp.example.com 0 1 → …`. */
export function explained(why: readonly LocateStep[]): string {
  return why.map(inWords).join(' → ')
}

function inWords(step: LocateStep): string {
  switch (step.by) {
    case 'ENUM':
      return `ENUM ${printable(step.name, 100)} ${printable(step.uri, 200)}`
    case 'NAPTR': {
      const { order, preference, service } = step.record
      return `NAPTR ${printable(step.name, 100)} ${order} ${preference} ${printable(service, 32)}`
    }
    case 'SRV': {
      const { priority, weight, port, target } = step.record
      return `SRV ${printable(step.name, 100)} ${priority} ${weight} ${port} ${printable(target, 100)}`
    }
    case 'address':
      return `address of ${printable(step.name, 100)}`
    case 'numeric':
      return 'numeric'
    case 'default':
      return `${step.protocol} by default`
  }
}
