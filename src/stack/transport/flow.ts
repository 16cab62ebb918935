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
}
