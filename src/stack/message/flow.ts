/** Transport protocols of RFC 3261 §20.42 and RFC 7118, as they stand in a Via. */
export type Protocol = 'UDP' | 'TCP' | 'TLS' | 'WS' | 'WSS'

/** Where a message came from or goes to: a remote address as seen from one of our transports (RFC 5626 §3.1). */
export interface Flow {
  readonly protocol: Protocol
  /** Key of the transport that owns the flow. */
  readonly transport: string
  /** Remote address, numeric, without brackets. */
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

/** A flow to a remote address from a transport, on no connection yet. */
export function flowTo(remote: Remote, transport: string): Flow {
  // written out, for a spread is slow here and every message passes; the order is that of a received flow
  return {
    protocol: remote.protocol,
    transport,
    address: remote.address,
    port: remote.port,
    connection: 0,
    serverName: remote.serverName,
  }
}
