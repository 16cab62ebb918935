export type { ReceiveCallback, Received, ReceiveOptions } from '../../util/inbox.ts'
export { type AllocationUser, allocationMachine } from './allocation.ts'
export {
  TurnAsyncSocket,
  type TurnAsyncSocketOptions,
  TurnAsyncTcpSocket,
  TurnAsyncTlsSocket,
  TurnAsyncUdpSocket,
} from './async-socket.ts'
export type { TurnAsyncSocketHandler, TurnFailure } from './async-socket-handler.ts'
export { TurnClient } from './client.ts'
export type {
  Answer as TurnAnswer,
  TurnClientOptions,
  TurnClientUser,
  TurnCounters,
} from './client-options.ts'
export { type TurnCredentials, turnCredentials } from './credentials.ts'
export { type TurnRefusal, turnRefusal } from './failure.ts'
export { grantMachine } from './grant.ts'
export { type LocateTurnOptions, locateTurnServer } from './locate-server.ts'
export {
  type CarrierUser,
  type LocalBinding,
  type TlsOptions,
  type TurnCarrier,
  type TurnNetwork,
  tcpNetwork,
  tlsNetwork,
  udpNetwork,
} from './network.ts'
export type { PeerConnectionUser, TurnPeerConnection } from './peer-connection.ts'
export type { Allocation, AllocationRequest } from './request.ts'
export type { TurnSessionOptions } from './session.ts'
export { sharedNetwork } from './shared-network.ts'
export {
  TurnSocket,
  type TurnSocketOptions,
  TurnTcpSocket,
  TurnTlsSocket,
  TurnUdpSocket,
} from './socket.ts'
