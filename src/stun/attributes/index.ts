export {
  AlternateServer,
  ChangedAddress,
  MappedAddress,
  mappedAddressOf,
  OtherAddress,
  ReflectedFrom,
  ResponseAddress,
  ResponseOrigin,
  SourceAddress,
  XorMappedAddress,
  XorPeerAddress,
  XorRelayedAddress,
} from './address.ts'
export { AccessToken, ThirdPartyAuthorization } from './authorization.ts'
export {
  MessageIntegrity,
  MessageIntegritySha256,
  Nonce,
  Password,
  PasswordAlgorithm,
  type PasswordAlgorithmChoice,
  PasswordAlgorithms,
  passwordAlgorithm,
  Realm,
  Userhash,
  Username,
} from './credentials.ts'
export { EcnCheck, type EcnEcho } from './ecn.ts'
export {
  AlternateDomain,
  ErrorCode,
  Fingerprint,
  Software,
  type StunErrorCode,
  TransactionTransmitCounter,
  UnknownAttributes,
} from './general.ts'
export { IceControlled, IceControlling, Priority, UseCandidate } from './ice.ts'
export { CacheTimeout, ChangeRequest, Padding, ResponsePort } from './nat-behavior.ts'
export {
  AdditionalAddressFamily,
  AddressErrorCode,
  addressFamily,
  Bandwidth,
  ChannelNumber,
  ConnectionId,
  Data,
  DontFragment,
  EvenPort,
  Icmp,
  type IcmpError,
  Lifetime,
  MobilityTicket,
  RequestedAddressFamily,
  RequestedTransport,
  ReservationToken,
  requestedTransport,
  reservationToken,
  TimerVal,
} from './turn.ts'
