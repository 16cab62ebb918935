import { withoutZone } from '../../util/address.ts'
import type { Networks } from '../../util/networks.ts'
import { formatHostPort } from '../grammar/uri.ts'

/** What a transport is advertised as: in Via, Contact and Record-Route (RFC 3261 §18.1.1). */
export interface SentBy {
  /** A name, or a numeric address without brackets. */
  readonly host: string
  /** `undefined` where the default port, or the name's own records, say it. */
  readonly port: number | undefined
  /** Both as they stand in a Via. */
  readonly text: string
  /** Networks whose hosts are told the bound address instead; none unless given. */
  readonly localNets?: Networks | undefined
}

/** The zone of a link-local address is left out: it is this host's own word (RFC 4007 §11.2). */
export function sentByOf(host: string, port: number | undefined, localNets?: Networks): SentBy {
  const name = withoutZone(host)
  return { host: name, port, text: formatHostPort(name, port), localNets }
}
