import { canonicalAddress, isLinkLocal, unmapped, zoneOf } from '../../util/address.ts'

/** Transport protocols of RFC 3261 §20.42 and RFC 7118, as they stand in a Via. */
export type Protocol = 'UDP' | 'TCP' | 'TLS' | 'WS' | 'WSS'

/** Where a message came from or goes to: a remote address as seen from one of our transports (RFC 5626 §3.1). */
export interface Flow {
  readonly protocol: Protocol
  /** Key of the transport that owns the flow. */
  readonly transport: string
  /** Remote address, numeric and canonical, without brackets. */
  readonly address: string
  readonly port: number
  /** The connection's number; 0 for a transport of datagrams. */
  readonly connection: number
  /** Name that the peer of a TLS connection must prove (RFC 5922); none for flows that were accepted, nor for datagrams. */
  readonly serverName?: string | undefined
}

/** What a flow is made of, but for the transport: a target is one. */
export interface Remote {
  readonly protocol: Protocol
  readonly address: string
  readonly port: number
  readonly serverName?: string | undefined
}

/** The transport that a flow begins at. */
interface Origin {
  readonly key: string
  readonly local: { readonly address: string }
}

/**
 * A flow to a remote address from a transport, on no connection yet. A v4-mapped address is the IPv4 one it stands for;
 * a link-local one without a zone is of the link that the transport is bound to (RFC 4007 §11.1).
 */
export function flowTo(remote: Remote, { key, local }: Origin): Flow {
  const { address } = remote
  // written out, for a spread is slow here and every message passes; the order is that of a received flow
  return {
    protocol: remote.protocol,
    transport: key,
    address: address.includes(':') ? onLinkOf(local.address, address) : address,
    port: remote.port,
    connection: 0,
    serverName: remote.serverName,
  }
}

/** An IPv6 address as seen from a local one: in canonical form, a link-local one with its zone. */
export function onLinkOf(local: string, address: string): string {
  const canonical = unmapped(canonicalAddress(address) ?? address)
  return isLinkLocal(canonical) && zoneOf(canonical) === '' ? canonical + zoneOf(local) : canonical
}
