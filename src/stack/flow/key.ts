import { hostPort } from '../../util/address.ts'
import type { Flow } from '../message/flow.ts'

/** What two objects that mean the same flow share: the connection, or over datagrams the remote address and port. */
export function flowKey({ transport, connection, address, port }: Flow): string {
  return connection !== 0 ? `${transport}#${connection}` : `${transport} ${hostPort(address, port)}`
}
