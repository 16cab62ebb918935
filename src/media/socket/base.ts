import type { Remote } from '../../util/address.ts'

/** An address of ours that packets leave from (RFC 8445 §4): a socket's, or a relay's. */
export interface Base {
  readonly type: 'host' | 'relay'
  readonly local: Remote
  /** Never throws. False where the packet was dropped here; what the network loses nobody tells. */
  send(bytes: Uint8Array, to: Remote): boolean
}
