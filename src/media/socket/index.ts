export type { Base } from './base.ts'
export {
  type BindSocket,
  type BoundSocket,
  MediaSocket,
  type MediaSocketUser,
  type ServerClient,
} from './media-socket.ts'
export { type PacketKind, packetKind } from './packet-kind.ts'
export { mediaReceiveBuffer, PORT_REST, PortPool, type PortPoolOptions, type PortRange } from './port-pool.ts'
export { Remotes } from './remotes.ts'
